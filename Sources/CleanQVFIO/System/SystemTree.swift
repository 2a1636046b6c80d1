internal import Glibc

/// The kernel's files below /sys, /proc and /dev, or a copy of the tree for tests.
///
/// What is not there reads as nil or as an empty list: in a tree that changes while one looks at it, that is no error.
public struct SystemTree: Sendable {
  /// What stands before `/sys`; empty for the machine itself.
  public let root: String

  /// What a copy of the tree does when it is written to, with the path and the text: a test plays the kernel.
  var react: (@Sendable (_ path: String, _ text: String) -> Int32)?

  public init(root: String = "") { self.root = root }

  /// The machine itself.
  public static let machine = SystemTree()

  /// The longest file that is read: pci.ids has 1.4 MB.
  static let maximumByteCount = 16 << 20

  func path(_ path: String) -> String { root + path }

  /// The text of a file without the line end that closes it.
  func text(_ path: String) -> String? {
    // SAFETY, for the calls of this type: strings and arrays outlive the calls, and counts are passed with them.
    let file = unsafe open(self.path(path), O_RDONLY | O_CLOEXEC)
    guard file >= 0 else { return nil }
    defer { close(file) }
    var bytes: [UInt8] = []
    var chunk = [UInt8](repeating: 0, count: 16384)
    while bytes.count < Self.maximumByteCount {
      let count = unsafe read(file, &chunk, chunk.count)
      guard count >= 0 else { return nil }
      if count == 0 { break }
      bytes += chunk[..<count]
    }
    while let last = bytes.last, last == UInt8(ascii: "\n") || last == 0 { bytes.removeLast() }
    return String(decoding: bytes, as: UTF8.self)
  }

  /// A number that the kernel writes as `0x1af4`.
  func hexadecimalNumber(_ path: String) -> UInt32? {
    guard let text = text(path) else { return nil }
    return UInt32(text.hasPrefix("0x") ? text.dropFirst(2) : text[...], radix: 16)
  }

  /// The last part of where a link leads: a driver's name, a group's number.
  func linkName(_ path: String) -> String? {
    var target = [CChar](repeating: 0, count: 4096)
    let count = unsafe readlink(self.path(path), &target, target.count)
    guard count > 0 else { return nil }
    let bytes = target[..<count].map { UInt8(bitPattern: $0) }
    return String(decoding: bytes.split(separator: UInt8(ascii: "/")).last ?? [], as: UTF8.self)
  }

  func exists(_ path: String) -> Bool { unsafe access(self.path(path), F_OK) == 0 }

  /// The names in a folder, sorted.
  func names(_ path: String) -> [String] {
    guard let folder = unsafe opendir(self.path(path)) else { return [] }
    defer { unsafe closedir(folder) }
    var names: [String] = []
    while let entry = unsafe readdir(folder) {
      // SAFETY: the kernel ends the name with a zero inside the entry, which stays until the next call.
      let name = unsafe withUnsafePointer(to: &entry.pointee.d_name) {
        unsafe $0.withMemoryRebound(to: CChar.self, capacity: 256) { unsafe String(cString: $0) }
      }
      if name != ".", name != ".." { names.append(name) }
    }
    return names.sorted()
  }

  /// Writes a text into a file that exists. Returns 0 or an errno.
  func write(_ text: String, to path: String) -> Int32 {
    if let react { return react(path, text) }
    let file = unsafe open(self.path(path), O_WRONLY | O_CLOEXEC | O_TRUNC)
    guard file >= 0 else { return errno }
    defer { close(file) }
    var bytes = Array(text.utf8)
    return unsafe Glibc.write(file, &bytes, bytes.count) == bytes.count ? 0 : errno
  }
}
