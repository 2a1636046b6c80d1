internal import Glibc

/// What to do with files that libpcap does not read.
enum CaptureAdvice {
  /// What packs files, and what unpacks them to standard output, by the first bytes of the file.
  private static let packers: [(magic: [UInt8], name: String, unpack: String)] = [
    ([0x1F, 0x8B], "gzip", "zcat"), ([0x28, 0xB5, 0x2F, 0xFD], "zstd", "zstdcat"),
    ([0xFD, 0x37, 0x7A, 0x58, 0x5A], "xz", "xzcat"), ([0x42, 0x5A, 0x68], "bzip2", "bzcat"),
    ([0x04, 0x22, 0x4D, 0x18], "lz4", "lz4cat"),
  ]

  /// What is wrong with a file that is not a capture, and what to do.
  ///
  /// - Parameters:
  ///   - isEmpty: whether it has no bytes.
  ///   - reason: what libpcap says.
  static func onUnknownFormat(of path: String, isEmpty: Bool, because reason: String) -> String {
    let name = path == standardStream ? "standard input" : path
    if isEmpty {
      let remedy = path == standardStream ? "whether the command in front has failed" : "how it was made"
      return "\(name) is empty, without even the header of a capture; check \(remedy)"
    }
    return "\(name) is not a capture file that libpcap can read: \(onPacked(path) ?? reason)"
  }

  /// What packed the file, and how to read it all the same; nil where that is not known. Reads the first bytes of regular files
  /// only.
  private static func onPacked(_ path: String) -> String? {
    guard path != standardStream else {
      return "if it is compressed, put zcat or the like in front; it has to be pcap or pcapng"
    }
    // SAFETY, for the calls below: the path and the array outlive the calls, and the count is the array's.
    let file = unsafe open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
    guard file >= 0 else { return nil }
    defer { close(file) }
    var first = [UInt8](repeating: 0, count: 8)
    let count = unsafe pread(file, &first, first.count, 0)
    guard count > 0, let packer = packers.first(where: { first.prefix(count).starts(with: $0.magic) }) else {
      return nil
    }
    return "it is compressed with \(packer.name); write \(packer.unpack) \(path) | cleanq run 'pcap(-, read) | …'"
  }

  /// libpcap's reason why a file cannot be read on, with what to do about it.
  static func adding(toReading reason: String) -> String {
    guard reason.contains("interface") else { return reason }
    return reason + "; take one interface out of it: tshark -r FILE -Y 'frame.interface_id == 0' -w ONE"
  }
}
