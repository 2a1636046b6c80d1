internal import CleanQ

extension CaptureTap {
  /// Captures the buffers of a burst from `start` on.
  ///
  /// - Complexity: O(number of bytes kept).
  mutating func captureReceived(_ burst: borrowing Burst, from start: Int) {
    let time = CaptureTime.now
    for index in start..<burst.count {
      received.add(byteCount: burst[index].validByteCount)
      let isLast = burst[index].flags.contains(.last)
      if hasEnough {
        if isLast { lateFrameCount &+= 1 }
        continue
      }
      if kind == .frame, isLast, arriving.open == nil {
        // SAFETY: the burst owns the buffer during this call.
        let bytes = unsafe UnsafeRawBufferPointer(start: burst[index].address, count: burst[index].validByteCount)
        let record = burst[index].record
        unsafe captureIfMatching(
          bytes, originalByteCount: max(bytes.count, Int(record?.originalByteCount ?? 0)),
          at: record.map(CaptureTime.init) ?? time)
      } else {
        assemble(burst[index], at: time)
      }
    }
    if isDraining { writer.flush() }
  }

  /// Adds a buffer to the packet that arrives, and captures the packet when it is whole.
  private mutating func assemble(_ buffer: borrowing Buffer, at time: CaptureTime) {
    if arriving.open == nil {
      arrivingTime = buffer.record.map(CaptureTime.init) ?? time
      arrivingHeaders = PacketHeaders(of: buffer, kind)
      arriving.removeAll()
      arriving.begin(headerByteCount: arrivingHeaders?.byteCount ?? 0)
    }
    arriving.append(buffer.bytes)
    guard buffer.flags.contains(.last) else { return }
    arrivingHeaders?.emit(into: &arriving)
    let frame = arriving.close(snaplen: FrameArena.frameCapacity)
    // SAFETY: the arena is not touched while the bytes are read.
    let bytes = unsafe arriving.bytes(of: frame)
    unsafe captureIfMatching(bytes, originalByteCount: frame.originalByteCount, at: arrivingTime)
  }

  /// SAFETY: the caller keeps the bytes readable during the call.
  @unsafe
  private mutating func captureIfMatching(
    _ bytes: UnsafeRawBufferPointer, originalByteCount: Int, at time: CaptureTime
  ) {
    if unsafe filter.matches(bytes, originalByteCount: originalByteCount) {
      unsafe capture(bytes, originalByteCount: originalByteCount, at: time)
    } else {
      filteredFrameCount &+= 1
    }
  }
}
