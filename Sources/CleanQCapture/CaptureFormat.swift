internal import CPcap

/// How a capture file is laid out, in the byte order of this machine. Source: pcap-savefile(5).
struct CaptureFormat: Sendable {
  /// The header of a file.
  static let fileHeaderByteCount = 24
  /// The header of a record.
  static let recordHeaderByteCount = 16
  /// Where in a record's header the number of bytes is that follow it.
  static let keptByteCountOffset = 8

  let linkType: LinkType
  let snaplen: Int
  let precision: TimestampPrecision

  /// The file's header.
  var fileHeader: [UInt8] {
    let magic: UInt32 = precision == .nano ? 0xa1b2_3c4d : 0xa1b2_c3d4
    let version = (major: UInt16(PCAP_VERSION_MAJOR), minor: UInt16(PCAP_VERSION_MINOR))
    var bytes: [UInt8] = []
    func append(_ value: some FixedWidthInteger) {
      unsafe withUnsafeBytes(of: value) { unsafe bytes.append(contentsOf: $0) }
    }
    append(magic)
    append(version.major)
    append(version.minor)
    append(UInt64(0))
    append(UInt32(truncatingIfNeeded: snaplen))
    append(linkType.fileNumber)
    return bytes
  }

  /// A record's header, four numbers of 32 bits.
  func recordHeader(at time: CaptureTime, keptByteCount: Int, originalByteCount: Int) -> InlineArray<4, UInt32> {
    [
      UInt32(truncatingIfNeeded: time.seconds),
      UInt32(truncatingIfNeeded: precision == .nano ? time.nanoseconds : time.nanoseconds / 1000),
      UInt32(truncatingIfNeeded: keptByteCount), UInt32(clamping: originalByteCount),
    ]
  }
}
