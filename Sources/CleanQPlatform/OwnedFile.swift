internal import CPlatform
internal import Glibc

/// A file descriptor, closed when the value goes.
package struct OwnedFile: ~Copyable, Sendable {
  package let number: Int32

  package init(owning number: Int32) { self.number = number }

  /// Opens a file of the kernel's. Sets `errno` and returns nil where that is refused.
  package init?(path: String) {
    // SAFETY: the string outlives the call.
    number = unsafe open(path, O_RDWR | O_CLOEXEC)
    if number < 0 { return nil }
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
