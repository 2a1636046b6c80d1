internal import CleanQ
internal import Glibc

/// Why a capture file could not be opened, or its filter does not compile.
public struct CaptureError: Error, Equatable, Sendable, CustomStringConvertible {
  /// The file, or `-` for a standard stream.
  public let path: String
  /// What was wrong, and what to do.
  public let message: String
  /// The operating system's error number, or 0; ECANCELED where the opening was given up.
  public let errno: Int32

  init(_ path: String, _ message: String, errno: Int32 = 0) {
    self.path = path
    self.message = message
    self.errno = errno
  }

  static func cancelled(_ path: String) -> CaptureError {
    CaptureError(path, "the start was cancelled", errno: ECANCELED)
  }

  public var description: String { "\(path): \(message)" }
}

/// Why a file could not be opened, in one line that says what to do.
func openingError(_ path: String, reading: Bool, errno number: Int32) -> CaptureError {
  let message =
    switch number {
    case EBADF where path == standardStream:
      "standard \(reading ? "input" : "output") is closed; give it to the command, or name a file"
    case ENOENT where reading: "there is no file \(path)"
    case ENOENT: "there is no folder for \(path); make it first, or write somewhere else"
    case ENOTDIR: "a part of the path \(path) is a file where a folder should be"
    case EISDIR: "\(path) is a folder; name a file in it"
    case EACCES, EPERM:
      "no permission to \(reading ? "read" : "write") \(path); choose another file or change its permissions"
    case EROFS: "\(path) is on a read-only file system; write somewhere else"
    case ENOSPC: "no space is left for \(path); write somewhere else"
    default: "cannot open \(path): \(systemErrorText(number))"
    }
  return CaptureError(path, message, errno: number)
}

/// The path that stands for standard input or output.
package let standardStream = "-"
