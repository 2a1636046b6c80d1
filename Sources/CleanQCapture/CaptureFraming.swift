/// Finds where the bytes end that libpcap reads for its next packet, so that it is given them only once all are there.
///
/// It decides nothing else: what the bytes say, and whether they are allowed to, is libpcap's to judge. Bytes that are not a record, and
/// the headers of records that are too long, are given to it at once.
///
/// Source: pcap-savefile(5); draft-ietf-opsawg-pcapng § 3.1 and 4.
struct CaptureFraming: BitwiseCopyable {
  /// The bytes of a file that ``init(head:)`` looks at, at most.
  static let headByteCount = 12
  /// The longest packet that libpcap takes from a record of pcap: its MAXIMUM_SNAPLEN.
  static let maximumRecordByteCount = 262_144
  /// The longest block that libpcap takes, of the links that we read.
  static let maximumBlockByteCount = 16 << 20

  /// Which of the two lengths of a record is the number of bytes that follow. Files before version 2.3 have them the other way
  /// round, and those of 2.3 either way.
  private enum Lengths {
    case keptFirst
    case keptLast
    case smallerIsKept
  }

  private let isBlocks: Bool
  private let isSwapped: Bool
  private var recordHeaderByteCount = CaptureFormat.recordHeaderByteCount
  private var lengths = Lengths.keptFirst
  /// Blocks that are not packets and are there, in bytes: they need not be looked at again.
  private var scannedByteCount = 0

  /// - Parameter head: the first bytes of a file that libpcap takes for a capture.
  init(head: [UInt8]) {
    func word(_ offset: Int) -> UInt32 {
      offset + 4 <= head.count ? (0..<4).reduce(0) { $0 | UInt32(head[offset + $1]) << (8 * UInt32($1)) } : 0
    }
    let magic = word(0)
    isBlocks = magic == 0x0A0D_0D0A
    guard !isBlocks else {
      isSwapped = word(8) == 0x4D3C_2B1A
      return
    }
    let magics: [UInt32] = [0xA1B2_C3D4, 0xA1B2_3C4D, 0xA1B2_CD34]
    isSwapped = !magics.contains(magic)
    // Alexey Kuznetzov's records have an interface, a protocol and a packet type too.
    if (isSwapped ? magic.byteSwapped : magic) == 0xA1B2_CD34 { recordHeaderByteCount = 24 }
    let version = isSwapped ? word(4).byteSwapped : word(4)
    let major = isSwapped ? version >> 16 : version & 0xFFFF
    let minor = isSwapped ? version & 0xFFFF : version >> 16
    switch (major, minor) {
    case (2, 0..<3), (543, _): lengths = .keptLast
    case (2, 3): lengths = .smallerIsKept
    default: lengths = .keptFirst
    }
  }

  /// Begins again, since libpcap has read on.
  mutating func restart() { scannedByteCount = 0 }

  /// How many of the bytes libpcap reads for its next packet.
  ///
  /// SAFETY: the caller keeps the bytes readable during the call.
  ///
  /// - Parameter bytes: what comes next in the file, as far as it is there; since the last ``restart()`` only longer than before.
  /// - Returns: nil where some are still to come.
  /// - Complexity: O(1) for pcap, O(blocks that came since the last call) for pcapng.
  @unsafe
  mutating func packetByteCount(in bytes: UnsafeRawBufferPointer) -> Int? {
    isBlocks ? unsafe blocksByteCount(in: bytes) : unsafe recordByteCount(in: bytes)
  }

  @unsafe
  private func recordByteCount(in bytes: UnsafeRawBufferPointer) -> Int? {
    guard bytes.count >= recordHeaderByteCount else { return nil }
    let (first, last) = unsafe (word(bytes, 8), word(bytes, 12))
    let keptByteCount =
      switch lengths {
      case .keptFirst: first
      case .keptLast: last
      case .smallerIsKept: min(first, last)
      }
    guard keptByteCount <= Self.maximumRecordByteCount else { return recordHeaderByteCount }
    let byteCount = recordHeaderByteCount + keptByteCount
    return bytes.count >= byteCount ? byteCount : nil
  }

  @unsafe
  private mutating func blocksByteCount(in bytes: UnsafeRawBufferPointer) -> Int? {
    while bytes.count - scannedByteCount >= 8 {
      let byteCount = unsafe word(bytes, scannedByteCount + 4)
      guard (12...Self.maximumBlockByteCount).contains(byteCount) else { return scannedByteCount + 8 }
      guard bytes.count - scannedByteCount >= byteCount else { return nil }
      let type = unsafe word(bytes, scannedByteCount)
      scannedByteCount += byteCount
      // Packet (obsolete), simple packet, enhanced packet.
      if type == 2 || type == 3 || type == 6 { return scannedByteCount }
    }
    return nil
  }

  /// A word of the file's byte order.
  @unsafe
  private func word(_ bytes: UnsafeRawBufferPointer, _ offset: Int) -> Int {
    // SAFETY: the callers have compared the offset with the count.
    let word = unsafe UInt32(littleEndian: bytes.loadUnaligned(fromByteOffset: offset, as: UInt32.self))
    return Int(isSwapped ? word.byteSwapped : word)
  }
}
