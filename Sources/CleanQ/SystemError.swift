internal import Glibc

/// What the C library says of an error number: `Permission denied`.
public func systemErrorText(_ number: Int32) -> String {
  // SAFETY: glibc returns a string that is constant or the calling thread's own (2.32 and later); it is copied at once.
  guard let text = unsafe strerror(number) else { return "error \(number)" }
  return unsafe String(cString: text)
}
