/// The plainest captures, read a second time: pcap 2.4 of Ethernet, in either byte order.
///
/// Source: draft-ietf-opsawg-pcap, § 4 and 5.
struct PlainCapture {
  /// What each record has of its packet.
  var records: [[UInt8]] = []
  /// The file ends with its last record; else nothing is said about what comes after them.
  var isWhole = false

  /// Nil for a file that is not so plain.
  init?(_ bytes: [UInt8]) {
    guard bytes.count >= 24 else { return nil }
    func word(_ offset: Int, isBig: Bool) -> Int {
      (0..<4).reduce(0) { $0 | Int(bytes[offset + $1]) << (isBig ? 24 - 8 * $1 : 8 * $1) }
    }
    let magics = [0xA1B2_C3D4, 0xA1B2_3C4D]
    let isBig = magics.contains(word(0, isBig: true))
    guard isBig || magics.contains(word(0, isBig: false)) else { return nil }
    let snaplen = word(16, isBig: isBig)
    guard word(4, isBig: isBig) == (isBig ? 0x0002_0004 : 0x0004_0002), word(20, isBig: isBig) == 1,
      (1...262_144).contains(snaplen)
    else { return nil }
    var offset = 24
    while bytes.count - offset >= 16 {
      let count = word(offset + 8, isBig: isBig)
      guard count <= snaplen, count <= bytes.count - offset - 16 else { return }
      records.append(Array(bytes[(offset + 16)..<(offset + 16 + count)]))
      offset += 16 + count
    }
    isWhole = offset == bytes.count
  }
}
