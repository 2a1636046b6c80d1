import FuzzSupport
import Glibc

/// A file without a disk, which is opened by its path.
enum MemoryFile {
  /// A file in memory whose name is gone at once. Glibc's module has no `memfd_create`.
  private static let file: Int32 = {
    var template = Array("/dev/shm/fuzz-pcap-XXXXXX".utf8CString)
    // SAFETY: the array is this function's own and ends with a zero.
    let file = unsafe mkstemp(&template)
    _ = unsafe unlink(template)
    return file
  }()
  static let path = "/proc/self/fd/\(file)"

  /// Makes the file consist of these bytes.
  static func write(_ bytes: [UInt8]) {
    require(file >= 0 && ftruncate(file, 0) == 0, "a file of memory can be emptied")
    // SAFETY: the array lives during the call.
    let count = unsafe bytes.withUnsafeBytes { unsafe pwrite(file, $0.baseAddress, $0.count, 0) }
    require(bytes.isEmpty || count == bytes.count, "a file of memory can be written")
  }
}
