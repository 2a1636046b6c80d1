internal import CPlatform
internal import Glibc

/// Where in the kernel a thread of this process is.
struct StuckThread {
  /// The system call, and the file that it is about: `write(2) on /dev/pts/3`. Nil where it is in none that names a file, or
  /// where this system does not say.
  let place: String?
  /// The last component of the file's path.
  let fileName: String?

  /// - Parameter number: the thread's, as gettid(2) says it.
  init(number: Int32) {
    let words = Self.read("/proc/self/task/\(number)/syscall").split(separator: " ")
    guard words.count > 1, let call = Int(words[0]), let file = Int32(words[1].dropFirst(2), radix: 16),
      // SAFETY: the function returns a string constant, or NULL.
      let name = unsafe cplatform_file_call_name(call)
    else {
      place = nil
      fileName = nil
      return
    }
    let path = Self.link("/proc/self/fd/\(file)")
    place = unsafe "\(String(cString: name))(2) on \(path ?? "file \(file)")"
    fileName = path?.split(separator: "/").last.map(String.init)
  }

  private static func read(_ path: String) -> String {
    // SAFETY, for the calls below: the string and the array outlive the calls, and the count is passed along.
    let file = unsafe open(path, O_RDONLY | O_CLOEXEC)
    guard file >= 0 else { return "" }
    defer { close(file) }
    var bytes = [UInt8](repeating: 0, count: 256)
    let count = unsafe Glibc.read(file, &bytes, bytes.count)
    return String(decoding: bytes.prefix(max(0, count)), as: UTF8.self)
  }

  private static func link(_ path: String) -> String? {
    var bytes = [CChar](repeating: 0, count: Int(PATH_MAX))
    // SAFETY: the string and the array outlive the call, and the count is passed along.
    let count = unsafe readlink(path, &bytes, bytes.count)
    return count < 0 ? nil : String(decoding: bytes[..<count].map { UInt8(bitPattern: $0) }, as: UTF8.self)
  }
}
