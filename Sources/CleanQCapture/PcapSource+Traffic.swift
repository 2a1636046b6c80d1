public import CleanQ
internal import CleanQWire

extension PcapSource {
  public func refusal(of region: RegionID) -> Refusal? { table.contains(region) ? nil : .unknownRegion }

  @discardableResult
  public mutating func fill(_ freeBuffers: inout Burst) -> Refusal? {
    let (taken, refusal) = table.offer(freeBuffers, room: self.freeBuffers.room, capacity: Self.bufferCapacity)
    freeBuffers.moveFirst(taken, to: &passing)
    self.freeBuffers.append(contentsOf: &passing)
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
    while !isAtEnd, !freeBuffers.isEmpty, filled.room > 0, looks < Self.recordsPerCall {
      looks &+= 1
      switch unsafe reader.next() {
      case .record(let bytes, let record): unsafe deliver(bytes, record, to: &filled)
      case .nothing: return
      case .end:
        isAtEnd = true
        completion = "end of the file"
      case .failure(let message):
        isAtEnd = true
        unreadableCount &+= 1
        let reason = "\(path) cannot be read to its end: \(message)"
        failure = reason
        onEvent(.unreadable(reason: reason, frameCount: received.packets))
      }
    }
  }

  /// Copies one record into an empty buffer, behind an Ethernet header where it has none, if it matches and fits.
  ///
  /// SAFETY: the caller keeps the bytes readable during the call.
  @unsafe
  private mutating func deliver(_ bytes: UnsafeRawBufferPointer, _ record: CaptureRecord, to filled: inout Burst) {
    guard unsafe filter.matches(bytes, originalByteCount: Int(record.originalByteCount)) else {
      filteredFrameCount &+= 1
      return
    }
    guard bytes.count > 0 else {
      emptyFrameCount &+= 1
      return
    }
    var record = record
    var header: EthernetHeader?
    let skipped = conversion.linkByteCount
    if conversion != .ethernet {
      header = unsafe conversion.header(of: Span<UInt8>(_unsafeBytes: bytes))
      guard header != nil else {
        unconvertibleFrameCount &+= 1
        return
      }
      record.originalByteCount =
        UInt32(clamping: max(bytes.count, Int(record.originalByteCount)) - skipped + EthernetHeader.byteCount)
    }
    guard var buffer = freeBuffers.popFirst() else { return }
    buffer.reset()
    let headerByteCount = header == nil ? 0 : EthernetHeader.byteCount
    let byteCount = bytes.count - skipped
    guard buffer.setValid(offset: buffer.headroom, byteCount: headerByteCount + byteCount) else {
      sayOversize(headerByteCount + byteCount, room: buffer.byteCount - buffer.headroom)
      freeBuffers.pushFirst(buffer)
      return
    }
    if byteCount > 0, let start = bytes.baseAddress {
      // SAFETY: the valid part has room for both and belongs to this buffer alone; the record has the bytes behind what is skipped.
      unsafe buffer.address.advanced(by: headerByteCount).copyMemory(from: start + skipped, byteCount: byteCount)
    }
    if let header {
      var destination = buffer.mutableBytes
      header.emit(into: &destination)
    }
    buffer.record = record
    received.add(byteCount: buffer.validByteCount)
    filled.append(buffer)
    framesLeft &-= 1
    guard framesLeft == 0 else { return }
    isAtEnd = true
    completion = "the requested number of frames was read"
  }

  private mutating func sayOversize(_ byteCount: Int, room: Int) {
    oversizeFrameCount &+= 1
    guard oversizeFrameCount == 1 else { return }
    onEvent(.oversize(path: path, byteCount: byteCount, room: room))
  }
}
