internal import CPlatform
internal import Glibc

/// A file descriptor, closed when the value goes.
package struct OwnedFile: ~Copyable, Sendable {
  package let number: Int32

  package init(owning number: Int32) { self.number = number }

  /// No file.
  package static var none: OwnedFile { OwnedFile(owning: -1) }

  /// Opens a file, to be read and written unless said otherwise. Sets `errno` and returns nil where that is refused.
  package init?(path: String, flags: Int32 = O_RDWR) {
    // SAFETY: the string outlives the call.
    number = unsafe open(path, flags | O_CLOEXEC)
    if number < 0 { return nil }
  }

  /// Any socket: where the kernel takes requests about network devices. Sets `errno` and returns nil where there are no file
  /// descriptors left.
  package static func deviceRequests() -> OwnedFile? {
    let number = socket(AF_INET, Int32(SOCK_DGRAM.rawValue | SOCK_CLOEXEC.rawValue), 0)
    return number < 0 ? nil : OwnedFile(owning: number)
  }

  deinit { if number >= 0 { close(number) } }

  /// An ioctl whose argument is a number. Returns -1 and sets `errno` where it fails.
  package func request(_ request: UInt, _ value: Int = 0) -> Int32 {
    cplatform_ioctl_value(number, request, UInt(bitPattern: value))
  }

  /// An ioctl whose argument is a structure. Returns -1 and sets `errno` where it fails.
  package func request<Argument: BitwiseCopyable>(_ request: UInt, _ argument: inout Argument) -> Int32 {
    // SAFETY: the request's own structure, alive for the call; its first word says how long it is.
    unsafe withUnsafeMutablePointer(to: &argument) { unsafe cplatform_ioctl_pointer(number, request, $0) }
  }

  /// An ioctl whose argument is a structure with a tail, as 32-bit words.
  package func request(_ request: UInt, words: inout [UInt32]) -> Int32 {
    // SAFETY: the array is alive for the call; its first word says how long it is.
    unsafe words.withUnsafeMutableBytes { unsafe cplatform_ioctl_pointer(number, request, $0.baseAddress) }
  }
}
