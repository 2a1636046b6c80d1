/// A number of bytes and of buffers; negative if more were taken than given. Sums wrap.
struct RingCount: Equatable {
  var byteCount = 0
  var bufferCount = 0

  static func + (left: RingCount, right: RingCount) -> RingCount {
    RingCount(byteCount: left.byteCount &+ right.byteCount, bufferCount: left.bufferCount &+ right.bufferCount)
  }

  static func - (left: RingCount, right: RingCount) -> RingCount {
    RingCount(byteCount: left.byteCount &- right.byteCount, bufferCount: left.bufferCount &- right.bufferCount)
  }
}
