// Ownership is per byte, so an owner may cut a buffer in two or join two that touch.

extension Buffer {
  /// Cuts the buffer in two: this one keeps the first `position` bytes, the result is the rest. The valid part is cut at
  /// the same place; the marks go with both, the metadata stays with this one, where it is still long enough.
  ///
  /// - Returns: the rest, or nil, with nothing changed, unless both parts would have at least one byte.
  /// - Complexity: takes the region's lock, to count the new buffer; not for the data path.
  public mutating func split(at position: Int) -> Buffer? {
    guard position > 0, position < byteCount, let control = RegionDirectory.control(of: region) else { return nil }
    control.noteSplit(descriptor.awayBits)
    let validEnd = headroom + validByteCount
    var rest = descriptor
    rest.offset += UInt64(position)
    rest.byteCount -= UInt32(position)
    let restValidStart = min(max(headroom, position), byteCount)
    rest.validOffset = UInt32(restValidStart - position)
    rest.validByteCount = UInt32(max(validEnd, restValidStart) - restValidStart)
    descriptor.byteCount = UInt32(position)
    descriptor.validOffset = UInt32(min(headroom, position))
    descriptor.validByteCount = UInt32(min(validEnd, position) - min(headroom, position))
    // SAFETY: the two descriptors share no byte, and together name exactly what this buffer named.
    var second = unsafe Buffer(base: base, descriptor: rest)
    second.clearMetadata()
    return second
  }

  /// Joins the buffer that starts where this one ends to it. Valid parts must touch, or one be empty; marks and metadata are
  /// this buffer's.
  ///
  /// - Returns: nil when it is done; else `next`, with both as they were.
  /// - Complexity: takes the region's lock, to count one buffer less; not for the data path.
  public mutating func merge(_ next: consuming Buffer) -> Buffer? {
    let validEnd = headroom + validByteCount
    let nextValidStart = byteCount + next.headroom
    let validTouch = validByteCount == 0 || next.validByteCount == 0 || validEnd == nextValidStart
    let joinedByteCount = byteCount + next.byteCount
    guard region == next.region, offset + byteCount == next.offset, validTouch, joinedByteCount <= Int(UInt32.max),
      let control = RegionDirectory.control(of: region)
    else { return next }
    if validByteCount == 0, next.validByteCount > 0 { descriptor.validOffset = UInt32(nextValidStart) }
    descriptor.validByteCount += UInt32(next.validByteCount)
    let hadMetadata = hasMetadata
    descriptor.byteCount = UInt32(joinedByteCount)
    if !hadMetadata { clearMetadata() }
    control.noteMerge(of: next.intoDescriptor(), into: descriptor.awayBits)
    return nil
  }
}
