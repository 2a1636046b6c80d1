import CleanQWire
import Testing
import TestSupport

@Suite struct IPv4AddressTests {
  @Test(
    arguments: [
      ("10.0.0.2", 0x0A00_0002), ("0.0.0.0", 0), ("255.255.255.255", 0xFFFF_FFFF), ("1.20.100.249", 0x0114_64F9),
    ] as [(String, UInt32)])
  func textIsRead(text: String, rawValue: UInt32) {
    #expect(IPv4Address(text)?.rawValue == rawValue)
    #expect(IPv4Address(text)?.description == text)
    #expect(IPv4Address("<\(text)>".dropFirst().dropLast())?.rawValue == rawValue)
  }

  @Test(arguments: [
    "", ".", "...", "1", "1.2", "1.2.3", "1.2.3.", ".1.2.3", "1..2.3", "1.2.3.4.", "1.2.3.4.5", "256.0.0.1",
    "1.2.3.256",
    "1.2.3.999999999999999999999999", "01.2.3.4", "1.2.3.04", "00.0.0.0", "0.0.0.00", "0x1.2.3.4", "+1.2.3.4",
    "-1.2.3.4",
    " 1.2.3.4", "1.2.3.4 ", "1.2.3.4\n", "1,2,3,4", "1.2.3.4/24", "a.b.c.d", "1.2.3.\u{0664}", "1.2.3.4\0",
  ])
  func otherTextIsRefused(text: String) {
    #expect(IPv4Address(text) == nil)
  }

  @Test func kinds() {
    #expect(IPv4Address.unspecified.isUnspecified && !IPv4Address(0, 0, 0, 1).isUnspecified)
    #expect(IPv4Address.limitedBroadcast.isLimitedBroadcast && !IPv4Address(255, 255, 255, 254).isLimitedBroadcast)
    #expect(IPv4Address.limitedBroadcast.isClassE && !IPv4Address.limitedBroadcast.isMulticast)
  }

  @Test("Every first octet: loopback, multicast and class E begin and end where the RFCs say")
  func boundaries() {
    for first in UInt8.min...UInt8.max {
      for low in [IPv4Address(first, 0, 0, 0), IPv4Address(first, 255, 255, 255)] {
        #expect(low.isLoopback == (first == 127), "\(low)")
        #expect(low.isMulticast == (224...239).contains(first), "\(low)")
        #expect(low.isClassE == (first >= 240), "\(low)")
      }
    }
  }

  @Test(arguments: seeds(3)) func bytesAndTextGoRound(seed: UInt64) {
    var random = SeededGenerator(seed: seed)
    for offset in 0..<20 {
      let bytes = random.bytes(24)
      let address = IPv4Address(bytes.span, at: offset)
      #expect(address == IPv4Address(bytes[offset], bytes[offset + 1], bytes[offset + 2], bytes[offset + 3]))
      #expect(IPv4Address(address.description) == address)
      #expect(IPv4Address(rawValue: address.rawValue) == address)
    }
  }
}
