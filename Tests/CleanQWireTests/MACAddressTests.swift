import CleanQWire
import Testing
import TestSupport

@Suite struct MACAddressTests {
  @Test(
    arguments: [
      ("02:00:00:00:00:0a", 0x0200_0000_000A), ("AA:bb:Cc:dD:EE:ff", 0xAABB_CCDD_EEFF),
      ("00:00:00:00:00:00", 0), ("ff:ff:ff:ff:ff:ff", 0xFFFF_FFFF_FFFF),
    ] as [(String, UInt64)])
  func textIsRead(text: String, rawValue: UInt64) {
    #expect(MACAddress(text)?.rawValue == rawValue)
    #expect(MACAddress(text)?.description == text.lowercased())
    #expect(MACAddress("<\(text)>".dropFirst().dropLast())?.rawValue == rawValue)
  }

  @Test(arguments: [
    "", ":", "02", "02:00:00:00:00", "02:00:00:00:00:", "02:00:00:00:00:0", "02:00:00:00:00:0a:",
    "02:00:00:00:00:0a:0b",
    "2:0:0:0:0:a", "02-00-00-00-00-0a", "0200.0000.000a", "02000000000a", "0g:00:00:00:00:0a", " 02:00:00:00:00:0a",
    "02:00:00:00:00:0a ", "+2:00:00:00:00:0a", "02::00:00:00:0a", "02:00:00:00:00:0\u{E9}", "\u{FF10}2:00:00:00:00:0a",
  ])
  func otherTextIsRefused(text: String) {
    #expect(MACAddress(text) == nil)
  }

  @Test func kinds() {
    #expect(MACAddress.broadcast.isBroadcast && MACAddress.broadcast.isMulticast && !MACAddress.broadcast.isUnicast)
    let group = MACAddress(0x01, 0, 0x5E, 0, 0, 1)
    #expect(group.isMulticast && !group.isBroadcast && !group.isUnicast && !group.isLocallyAdministered)
    let local = MACAddress(0x02, 0, 0, 0, 0, 1)
    #expect(local.isLocallyAdministered && local.isUnicast && !local.isMulticast)
    #expect(!MACAddress.zero.isUnicast && !MACAddress.zero.isMulticast && !MACAddress.zero.isLocallyAdministered)
    // Only the first octet's low bits count.
    #expect(!MACAddress(0xFC, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF).isMulticast)
    #expect(!MACAddress(0xFE - 2, 1, 1, 1, 1, 1).isLocallyAdministered)
  }

  @Test func highBitsAreCut() {
    #expect(MACAddress(rawValue: .max) == .broadcast)
  }

  @Test(arguments: seeds(3)) func bytesAndTextGoRound(seed: UInt64) {
    var random = SeededGenerator(seed: seed)
    for offset in 0..<20 {
      let bytes = random.bytes(26)
      let address = MACAddress(bytes.span, at: offset)
      let octets = Array(bytes[offset..<offset + 6])
      #expect(address == MACAddress(octets[0], octets[1], octets[2], octets[3], octets[4], octets[5]))
      #expect(MACAddress(address.description) == address)
      let written = writing(zeros(26)) { address.emit(into: &$0, at: offset) }
      #expect(written == zeros(offset) + octets + zeros(20 - offset))
    }
  }
}
