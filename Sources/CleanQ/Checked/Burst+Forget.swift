// What a ledger does with buffers that fail.

extension Burst {
  /// Ends the buffers whose bits are set without returning their bytes: these have another owner.
  mutating func forget(_ selection: UInt32) {
    for index in 0..<count {
      guard let buffer = popFirst() else { return }
      if selection & 1 << UInt32(index) != 0 { _ = buffer.intoDescriptor() } else { append(buffer) }
    }
  }

  /// Free buffers a buffer whose valid part or marks are nonsense. Returns its new name.
  mutating func mend(_ index: Int) -> Descriptor {
    self[index].mend()
    return self[index].name
  }

  /// Bytes of all buffers.
  var totalByteCount: Int {
    var sum = 0
    for index in 0..<count { sum += self[index].byteCount }
    return sum
  }
}

extension Buffer {
  /// Makes the valid part empty and the marks known ones.
  @usableFromInline
  mutating func mend() {
    descriptor.validOffset = 0
    descriptor.validByteCount = 0
    descriptor.content &= 0xFFFF_FFFF | UInt64(BufferFlags.all.rawValue) << 32 | AwayNote.mask
  }
}
