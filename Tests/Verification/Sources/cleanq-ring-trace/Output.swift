import Glibc

/// Standard output, a few thousand lines at a time. The last ones are written by ``flush()``.
struct Output: ~Copyable {
  private var text = ""

  mutating func line(_ line: String) {
    text += line
    text += "\n"
    if text.utf8.count > 1 << 16 { flush() }
  }

  mutating func flush() {
    var rest = text.utf8.span
    while !rest.isEmpty {
      // SAFETY: the bytes of the text, which does not change meanwhile.
      let count = unsafe rest.withUnsafeBytes { unsafe write(1, $0.baseAddress, $0.count) }
      // Who reads has gone, and says why.
      guard count > 0 else { exit(1) }
      rest = rest.extracting(droppingFirst: count)
    }
    text = ""
  }
}
