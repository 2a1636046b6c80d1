import CleanQWire
import Testing

/// The registries of numbers, and the reasons of `WireError`.
@Suite struct NumberTests {
  @Test func etherTypes() {
    #expect([EtherType.ipv4, .arp, .vlan, .ipv6].map(\.rawValue) == [0x0800, 0x0806, 0x8100, 0x86DD])
    #expect([EtherType.ipv4, .arp, .vlan, .ipv6].map(\.description) == ["ipv4", "arp", "vlan", "ipv6"])
    #expect(EtherType(rawValue: 0x88CC).description == "0x88cc")
    #expect(EtherType(rawValue: 5).description == "0x0005")
    #expect(EtherType(rawValue: 1500).isLength && !EtherType(rawValue: 1501).isLength && !EtherType.ipv4.isLength)
  }

  @Test func protocols() {
    #expect([IPProtocol.icmp, .igmp, .tcp, .udp].map(\.rawValue) == [1, 2, 6, 17])
    #expect([IPProtocol.icmp, .igmp, .tcp, .udp].map(\.description) == ["icmp", "igmp", "tcp", "udp"])
    #expect(IPProtocol(rawValue: 89).description == "89")
  }

  @Test func icmpNumbers() {
    let types = [
      ICMPv4Type.echoReply, .destinationUnreachable, .redirect, .echoRequest, .timeExceeded, .parameterProblem,
    ]
    #expect(types.map(\.rawValue) == [0, 3, 5, 8, 11, 12])
    let errors = (UInt8.min...UInt8.max).filter { ICMPv4Type(rawValue: $0).isError }
    #expect(errors == [3, 4, 5, 11, 12])
    let codes = [ICMPv4UnreachableCode.network, .host, .protocol, .port, .fragmentationNeeded]
    #expect(codes.map(\.rawValue) == [0, 1, 2, 3, 4])
  }

  @Test("Counters are indexed by raw value and named for ever")
  func wireErrors() {
    #expect(WireError.allCases.map(\.rawValue) == Array(0..<UInt8(WireError.allCases.count)))
    #expect(
      WireError.allCases.map(\.name) == [
        "truncated", "bad-version", "bad-header-length", "bad-total-length", "bad-header-checksum", "bad-udp-length",
        "bad-udp-checksum", "bad-icmp-checksum", "bad-arp-hardware", "bad-arp-protocol", "bad-arp-length",
        "bad-arp-operation",
      ])
    #expect(WireError.truncated.description == "truncated")
  }
}
