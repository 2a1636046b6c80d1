internal import CleanQ

extension CaptureTap {
  /// Keeps what is needed to capture the packets of a burst that the port below is about to be offered.
  ///
  /// - Complexity: O(number of bytes kept).
  mutating func stage(_ burst: borrowing Burst) {
    stagedTime = CaptureTime.now
    offered.removeAll()
    for index in 0..<burst.count {
      stagedBuffers[index].validByteCount = burst[index].validByteCount
      stagedBuffers[index].fate = hasEnough ? late(burst[index]) : stage(burst[index], at: index)
    }
  }

  private func late(_ buffer: borrowing Buffer) -> StagedBuffer.Fate { buffer.flags.contains(.last) ? .late : .part }

  private mutating func stage(_ buffer: borrowing Buffer, at index: Int) -> StagedBuffer.Fate {
    let isLast = buffer.flags.contains(.last)
    if kind == .frame, isLast, offered.open == nil {
      // A frame in one buffer, the common case, is looked at in place and copied only when it is wanted.
      // SAFETY: the burst owns the buffer during this call.
      let bytes = unsafe UnsafeRawBufferPointer(start: buffer.address, count: buffer.validByteCount)
      guard unsafe filter.matches(bytes, originalByteCount: bytes.count) else { return .filtered }
      // What could not be written anyway is only counted.
      if writer.hasFailed { return .matching }
      offered.begin()
      let kept = min(buffer.validByteCount, writer.snaplen)
      offered.append(buffer.bytes.extracting(first: kept))
      stagedBuffers[index].frame = offered.close(snaplen: kept)
      stagedBuffers[index].frame.originalByteCount = buffer.validByteCount
      return .matching
    }
    if offered.open == nil {
      offeredHeaders = PacketHeaders(of: buffer, kind)
      offered.begin(headerByteCount: offeredHeaders?.byteCount ?? 0)
    }
    offered.append(buffer.bytes)
    guard isLast else { return .part }
    offeredHeaders?.emit(into: &offered)
    guard let frame = offered.open,
      unsafe filter.matches(offered.bytes(of: frame), originalByteCount: frame.originalByteCount)
    else {
      offered.discard()
      return .filtered
    }
    stagedBuffers[index].frame = offered.close(snaplen: writer.snaplen)
    return .matching
  }

  /// Captures the first `count` of the staged buffers: those that the port below took.
  ///
  /// - Complexity: O(number of bytes kept).
  mutating func captureTransmitted(_ count: Int) {
    for index in 0..<count {
      transmitted.add(byteCount: stagedBuffers[index].validByteCount)
      switch stagedBuffers[index].fate {
      case .part: break
      case .late: lateFrameCount &+= 1
      case .filtered: if hasEnough { lateFrameCount &+= 1 } else { filteredFrameCount &+= 1 }
      case .matching:
        let frame = stagedBuffers[index].frame
        // SAFETY: staged since the arena was last emptied, and not touched while it is written.
        unsafe capture(offered.bytes(of: frame), originalByteCount: frame.originalByteCount, at: stagedTime)
      }
    }
    if isDraining, count > 0 { writer.flush() }
  }
}
