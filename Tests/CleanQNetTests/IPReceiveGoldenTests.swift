import CleanQ
import CleanQWire
import Testing
import TestSupport

@testable import CleanQNet

/// A frame, what becomes of it, and no other.
struct ReceiveCase: Sendable, CustomTestStringConvertible {
  let name: String
  let reason: IPDropReason?
  let frame: [UInt8]
  var headroom = 50
  var bufferByteCount = 2048

  init(_ name: String, _ reason: IPDropReason?, _ frame: [UInt8], headroom: Int = 50, bufferByteCount: Int = 2048) {
    self.name = name
    self.reason = reason
    self.frame = frame
    self.headroom = headroom
    self.bufferByteCount = bufferByteCount
  }

  var testDescription: String { name }

  private static func packet(_ bytes: [UInt8]) -> [UInt8] { Frames.ethernet(bytes) }
  private static func arp(_ bytes: [UInt8]) -> [UInt8] { Frames.ethernet(to: .broadcast, type: 0x0806, bytes) }
  private static let udp = Frames.udp()
  private static let group = MACAddress(1, 0, 0x5E, 0, 0, 1)

  /// A frame with a tag of 802.1Q.
  static func tagged(_ control: UInt16, _ type: UInt16, _ payload: [UInt8]) -> [UInt8] {
    let tag = [control, type].flatMap { [UInt8($0 >> 8), UInt8(truncatingIfNeeded: $0)] }
    return Frames.ethernet(type: 0x8100, tag + payload)
  }

  static let ethernet: [ReceiveCase] = [
    ReceiveCase("empty", .truncated, []),
    ReceiveCase("13 bytes", .truncated, [UInt8](repeating: 0, count: 13)),
    ReceiveCase("another station", .notOurMAC, Frames.ethernet(to: MACAddress(2, 0, 10, 0, 0, 3), Frames.ip(udp))),
    ReceiveCase("a group", .notOurMAC, Frames.ethernet(to: group, Frames.ip(udp))),
    ReceiveCase("our own source", .badSourceMAC, Frames.ethernet(from: Frames.ourMAC, Frames.ip(udp))),
    ReceiveCase("group source", .badSourceMAC, Frames.ethernet(from: group, Frames.ip(udp))),
    ReceiveCase("zero source", .badSourceMAC, Frames.ethernet(from: .zero, Frames.ip(udp))),
    ReceiveCase("IPv6", .unknownEtherType, Frames.ethernet(type: 0x86DD, udp)),
    ReceiveCase("VLAN", .unknownEtherType, tagged(0xE001, 0x0800, Frames.ip(udp))),
    ReceiveCase("two tags", .unknownEtherType, tagged(0, 0x8100, [0, 0, 8, 0] + Frames.ip(udp))),
    ReceiveCase("IPv6 with a priority", .unknownEtherType, tagged(0x2000, 0x86DD, udp)),
    ReceiveCase("half a tag", .unknownEtherType, Frames.ethernet(type: 0x8100, [0, 0, 8])),
    ReceiveCase("802.3 length", .unknownEtherType, Frames.ethernet(type: 46, udp)),
  ]

  static let internet: [ReceiveCase] = [
    ReceiveCase("no header", .truncated, packet([0x45])),
    ReceiveCase("version 6", .badVersion, packet(Frames.ip(first: 0x65, udp))),
    ReceiveCase("IHL 4", .badHeaderLength, packet(Frames.ip(first: 0x44, udp))),
    ReceiveCase("total length 19", .badTotalLength, packet(Frames.ip(totalLength: 19, udp))),
    ReceiveCase("total length beyond", .truncated, packet(Frames.ip(totalLength: 34, udp))),
    ReceiveCase("checksum", .badHeaderChecksum, packet(Frames.ip(checksumError: 0x0100, udp))),
    ReceiveCase("another host", .notOurAddress, packet(Frames.ip(to: IPv4Address(10, 0, 0, 3), udp))),
    ReceiveCase("multicast", .notOurAddress, packet(Frames.ip(to: IPv4Address(224, 0, 0, 1), udp))),
    ReceiveCase("a broadcast frame", .unicastInBroadcast, Frames.ethernet(to: .broadcast, Frames.ip(udp))),
    ReceiveCase(
      "a ping in a broadcast frame", .unicastInBroadcast,
      Frames.ethernet(to: .broadcast, Frames.ip(protocol: 1, Frames.icmp()))),
    ReceiveCase("from 0.0.0.0", .badSource, packet(Frames.ip(from: .unspecified, udp))),
    ReceiveCase("from 0.1.2.3", .badSource, packet(Frames.ip(from: IPv4Address(0, 1, 2, 3), udp))),
    ReceiveCase("land", .badSource, packet(Frames.ip(from: Frames.ours, udp))),
    ReceiveCase("from loopback", .badSource, packet(Frames.ip(from: IPv4Address(127, 0, 0, 1), udp))),
    ReceiveCase("from multicast", .badSource, packet(Frames.ip(from: IPv4Address(224, 0, 0, 1), udp))),
    ReceiveCase("from class E", .badSource, packet(Frames.ip(from: IPv4Address(240, 0, 0, 1), udp))),
    ReceiveCase("from broadcast", .badSource, packet(Frames.ip(from: .limitedBroadcast, udp))),
    ReceiveCase("from directed broadcast", .badSource, packet(Frames.ip(from: IPv4Address(10, 0, 0, 255), udp))),
    ReceiveCase("from the network", .badSource, packet(Frames.ip(from: IPv4Address(10, 0, 0, 0), udp))),
    ReceiveCase("TTL 0", .ttlZero, packet(Frames.ip(ttl: 0, udp))),
    ReceiveCase("first fragment", .fragment, packet(Frames.ip(fragment: 0x2000, udp))),
    ReceiveCase("last fragment", .fragment, packet(Frames.ip(fragment: 0x0010, udp))),
    ReceiveCase("TCP", .unknownProtocol, packet(Frames.ip(protocol: 6, udp))),
    ReceiveCase("a buffer without metadata", .shortHeadroom, Frames.datagram(), bufferByteCount: 511),
    ReceiveCase("ICMP of 7 bytes", .truncated, packet(Frames.ip(protocol: 1, [8, 0, 0, 0, 0, 0, 0]))),
    ReceiveCase("ICMP checksum", .badICMPChecksum, packet(Frames.ip(protocol: 1, [8, 0, 1, 1, 0, 0, 0, 0]))),
    ReceiveCase("echo reply", .icmpIgnored, packet(Frames.ip(protocol: 1, Frames.icmp(type: 0)))),
    ReceiveCase("redirect", .icmpIgnored, packet(Frames.ip(protocol: 1, Frames.icmp(type: 5)))),
    ReceiveCase("unknown ICMP", .icmpIgnored, packet(Frames.ip(protocol: 1, Frames.icmp(type: 200)))),
    ReceiveCase(
      "ping to all", .broadcastEcho, packet(Frames.ip(to: IPv4Address(10, 0, 0, 255), protocol: 1, Frames.icmp()))),
    ReceiveCase(
      "ping in a broadcast frame", .broadcastEcho,
      Frames.ethernet(to: .broadcast, Frames.ip(to: .limitedBroadcast, protocol: 1, Frames.icmp()))),
  ]

  static let addressResolution: [ReceiveCase] = [
    ReceiveCase("27 bytes", .truncated, arp([UInt8](Frames.arp().dropLast()))),
    ReceiveCase("hardware", .badARPHardware, arp(Frames.arp(head: [0, 6, 8, 0, 6, 4]))),
    ReceiveCase("protocol", .badARPProtocol, arp(Frames.arp(head: [0, 1, 8, 6, 6, 4]))),
    ReceiveCase("lengths", .badARPLength, arp(Frames.arp(head: [0, 1, 8, 0, 8, 4]))),
    ReceiveCase("operation", .badARPOperation, arp(Frames.arp(3))),
    ReceiveCase("sent by a group", .arpBadSender, arp(Frames.arp(sender: group))),
    ReceiveCase("sent by us", .arpBadSender, arp(Frames.arp(sender: Frames.ourMAC))),
    ReceiveCase("multicast sender", .arpBadSender, arp(Frames.arp(1, IPv4Address(224, 0, 0, 1)))),
    ReceiveCase("broadcast sender", .arpBadSender, arp(Frames.arp(1, IPv4Address(10, 0, 0, 255)))),
    ReceiveCase("our address", .arpAddressConflict, arp(Frames.arp(1, Frames.ours))),
    ReceiveCase("our address, reply", .arpAddressConflict, arp(Frames.arp(2, Frames.ours))),
    ReceiveCase("about another", .arpNotForUs, arp(Frames.arp(1, Frames.peer, IPv4Address(10, 0, 0, 9)))),
    ReceiveCase("gratuitous", .arpNotForUs, arp(Frames.arp(1, Frames.peer, Frames.peer))),
    ReceiveCase("probe for another", .arpNotForUs, arp(Frames.arp(1, .unspecified, IPv4Address(10, 0, 0, 9)))),
    ReceiveCase("reply of nobody", .arpNotForUs, arp(Frames.arp(2, .unspecified))),
    ReceiveCase("unsolicited reply", .arpUnsolicited, arp(Frames.arp(2))),
  ]

  static let delivered: [ReceiveCase] = [
    ReceiveCase("datagram", nil, Frames.datagram()),
    ReceiveCase("padded", nil, Frames.datagram() + [UInt8](repeating: 0xAA, count: 13)),
    ReceiveCase("TTL 1", nil, packet(Frames.ip(ttl: 1, udp))),
    ReceiveCase("options", nil, packet(Frames.ip(options: [UInt8](repeating: 1, count: 40), udp))),
    ReceiveCase("reserved flag and ECN", nil, packet(Frames.ip(fragment: 0xC000, tos: 3, udp))),
    ReceiveCase("no headroom", nil, Frames.datagram(), headroom: 0),
    ReceiveCase("from off the link", nil, packet(Frames.ip(from: IPv4Address(192, 0, 2, 1), udp))),
  ]
}

@Suite("IP: received frames") struct IPReceiveGoldenTests {
  @Test(
    "each refused frame is counted once, for its own reason, and its buffer comes back",
    arguments: ReceiveCase.ethernet + ReceiveCase.internet + ReceiveCase.addressResolution)
  func refused(_ example: ReceiveCase) throws {
    var host = try IPHost()
    try host.receive(example.frame, headroom: example.headroom, bufferByteCount: example.bufferByteCount)
    let reason = try #require(example.reason)
    #expect(host.drops(reason) == 1)
    check(host.filled.isEmpty && host.isEachFrameCounted)
    let frames = host.frames()
    // The only answer to any of these.
    #expect(frames.count == (reason == .unknownProtocol ? 1 : 0))
    #expect(host.region.liveBufferCount == 4, "only the spares are left")
  }

  @Test("a tag that only gives a priority is taken off", arguments: [0, 0x2000, 0xF000] as [UInt16])
  func prioritised(_ control: UInt16) throws {
    var host = try IPHost()
    try host.receive(ReceiveCase.tagged(control, 0x0800, Frames.ip(Frames.udp())))
    check(host.filled.count == 1 && host.isEachFrameCounted && host.engine.counters.receivedDropCount == 0)
    let packet = try take(host.filled.popFirst())
    #expect(packet.array == Frames.udp())
    #expect(packet.packetMetadata.source == Frames.peer && packet.packetMetadata.linkByteCount == 18)
  }

  @Test("a packet goes up as the payload alone, with its facts beside it", arguments: ReceiveCase.delivered)
  func delivered(_ example: ReceiveCase) throws {
    var host = try IPHost()
    try host.receive(example.frame, headroom: example.headroom)
    check(host.filled.count == 1 && host.isEachFrameCounted && host.engine.counters.receivedDropCount == 0)
    let packet = try take(host.filled.popFirst())
    #expect(packet.array == Frames.udp())
    let metadata = packet.packetMetadata
    #expect(metadata.destination == Frames.ours && metadata.protocol == .udp && !metadata.isBroadcast)
    #expect(metadata.timeToLive == example.frame[22])
    #expect(metadata.source == IPv4Address(example.frame.span, at: 26))
    let headerByteCount = metadata.headerByteCount
    #expect(metadata.frameOffset == example.headroom && metadata.linkByteCount == 14)
    #expect(headerByteCount == Int(example.frame[14] & 0xF) * 4)
    let start = packet.headroom - headerByteCount
    let header = (start..<packet.headroom).map { packet.storage[$0] }
    #expect(header == Array(example.frame[14..<(14 + headerByteCount)]), "the header is still there")
    packet.release()
  }

  @Test("a broadcast is marked as one, whether by Ethernet or by IP")
  func broadcast() throws {
    var host = try IPHost()
    try host.receive(Frames.ethernet(to: .broadcast, Frames.ip(to: .limitedBroadcast, Frames.udp())))
    try host.receive(Frames.ethernet(Frames.ip(to: .limitedBroadcast, Frames.udp())))
    try host.receive(Frames.ethernet(Frames.ip(to: IPv4Address(10, 0, 0, 255), Frames.udp())))
    check(host.filled.count == 3)
    for _ in 0..<3 { #expect(try take(host.filled.popFirst()).packetMetadata.isBroadcast) }
  }

  @Test("failure 10: a frame in several buffers is one drop, and every buffer comes back on its own")
  func chained() throws {
    var host = try IPHost()
    let frame = Frames.datagram()
    try host.receive(frame, flags: [])
    try host.receive(frame, flags: [])
    #expect(host.drops(.chained) == 0)
    try host.receive(frame)
    #expect(host.drops(.chained) == 1)
    try host.receive(frame)
    check(host.isEachFrameCounted && host.filled.count == 1)
  }

  @Test("no prefix of a frame is delivered, and each is counted")
  func truncations() throws {
    let whole = [
      Frames.datagram(), Frames.ping(), Frames.question(), Frames.ethernet(Frames.ip(protocol: 6, Frames.udp())),
      Frames.ethernet(Frames.ip(options: [UInt8](repeating: 1, count: 12), Frames.udp())),
      Frames.answer(from: Frames.peerMAC, Frames.peer),
    ]
    var host = try IPHost()
    for frame in whole {
      for count in 0..<frame.count {
        try host.receive(Array(frame.prefix(count)))
        check(host.filled.isEmpty && host.isEachFrameCounted)
        #expect(host.frames().isEmpty)
      }
    }
    #expect(host.drops(.truncated) == host.frameCount)
  }

  @Test("every reason has a name of its own, in kebab-case")
  func names() {
    let names = IPDropReason.allCases.map(\.name)
    #expect(names.count == IPDropReason.count && Set(names).count == names.count)
    for name in names { #expect(name.allSatisfy { $0.isLowercase && $0.isASCII || $0 == "-" }) }
    for error in WireError.allCases where ![.badUDPLength, .badUDPChecksum].contains(error) {
      #expect(IPDropReason(error).name == error.name)
    }
  }
}
