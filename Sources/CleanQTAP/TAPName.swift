/// The rules for names of network devices.
///
/// Source: Linux `dev_valid_name` in net/core/dev.c; `IFNAMSIZ` counts the terminating zero.
enum TAPName {
  static let maximumByteCount = 15

  /// What is wrong with a name and what to do, as it reads after a colon; nil when nothing is.
  ///
  /// - Complexity: O(length of the name).
  static func diagnostic(about name: String) -> String? {
    let bytes = name.utf8
    if bytes.isEmpty { return "a device needs a name, as in tap0" }
    if bytes.count > maximumByteCount {
      return "a device name has at most \(maximumByteCount) bytes, this one has \(bytes.count); shorten it"
    }
    if name == "." || name == ".." { return "\(name) names a folder; choose a name as in tap0" }
    if name == "all" || name == "default" {
      return "\(name) has a meaning of its own in the kernel; choose a name as in tap0"
    }
    // The kernel refuses the first three and would replace a % pattern by a number.
    if bytes.contains(where: { $0 <= 0x20 || $0 == 0x7F || "/:%".utf8.contains($0) }) {
      return "a device name has no blanks and none of / : %; choose one as in tap0"
    }
    return nil
  }
}
