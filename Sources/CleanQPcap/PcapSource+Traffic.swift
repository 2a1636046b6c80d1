public import CleanQ
internal import Logging

extension PcapSource {
  public func refusal(of region: RegionID) -> Refusal? { table.contains(region) ? nil : .unknownRegion }

  @discardableResult
  public mutating func fill(_ empties: inout Burst) -> Refusal? {
    let (taken, refusal) = table.offer(empties, room: self.empties.room, capacity: Self.bufferCapacity)
    empties.moveFirst(taken, to: &passing)
    self.empties.append(contentsOf: &passing)
    return refusal
  }

  @discardableResult
  public mutating func transmit(_ filled: inout Burst) -> Refusal? {
    let (taken, refusal) = table.offer(filled, room: returning.room, capacity: Self.bufferCapacity)
    filled.moveFirst(taken, to: &passing)
    transmitted.add(passing)
    returning.append(contentsOf: &passing)
    return refusal
  }

  public mutating func complete(into sent: inout Burst) { returning.move(to: &sent) }

  public mutating func receive(into filled: inout Burst) {
    var looks = 0
    while !isAtEnd, !empties.isEmpty, filled.room > 0, looks < Self.recordsPerCall {
      looks &+= 1
      switch unsafe reader.next() {
      case .record(let bytes, let originalByteCount):
        unsafe deliver(bytes, originalByteCount: originalByteCount, to: &filled)
      case .nothing: return
      case .end: isAtEnd = true
      case .failure(let message):
        isAtEnd = true
        unreadableCount &+= 1
        let reason = "\(path) cannot be read to its end: \(message)"
        failure = reason
        logger.error("\(reason); it ends after \(received.packets) frames")
      }
    }
  }

  /// Copies one record into an empty buffer, if it matches and fits.
  ///
  /// SAFETY: the caller keeps the bytes readable during the call.
  @unsafe
  private mutating func deliver(
    _ bytes: UnsafeRawBufferPointer, originalByteCount: Int, to filled: inout Burst
  ) {
    guard unsafe filter.matches(bytes, originalByteCount: originalByteCount) else {
      filteredFrameCount &+= 1
      return
    }
    guard bytes.count > 0 else {
      emptyFrameCount &+= 1
      return
    }
    guard var buffer = empties.popFirst() else { return }
    buffer.reset()
    guard buffer.setValid(offset: buffer.headroom, byteCount: bytes.count) else {
      oversizeFrameCount &+= 1
      empties.pushFirst(buffer)
      return
    }
    // SAFETY: the valid part has the record's length and belongs to this buffer alone.
    unsafe buffer.address.copyMemory(from: bytes.baseAddress.unsafelyUnwrapped, byteCount: bytes.count)
    received.add(byteCount: buffer.validByteCount)
    filled.append(buffer)
    framesLeft &-= 1
    if framesLeft == 0 { isAtEnd = true }
  }
}
