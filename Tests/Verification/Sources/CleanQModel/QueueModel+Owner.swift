// What an owner may do with a buffer in its hand. No byte changes its set.

extension QueueModel {
  /// split: `buffer` becomes its first `position` bytes and the rest. The valid part is cut at the same place, and both
  /// parts keep the marks.
  public mutating func split(
    _ buffer: Buffer, at position: UInt64, by agent: Agent
  ) -> (rest: Buffer?, objections: Set<Objection>) {
    guard let index = hand[agent, default: []].firstIndex(of: buffer) else { return (nil, [.notOwned]) }
    guard position > 0, position < buffer.byteCount else { return (nil, [.noSuchCut]) }
    let validEnd = buffer.validOffset + buffer.validByteCount
    var first = buffer
    first.byteCount = position
    first.validOffset = min(buffer.validOffset, position)
    first.validByteCount = min(validEnd, position) - first.validOffset
    var rest = buffer
    rest.offset += position
    rest.byteCount -= position
    rest.validOffset = max(buffer.validOffset, position) - position
    rest.validByteCount = buffer.validByteCount - first.validByteCount
    hand[agent]?.replaceSubrange(index...index, with: [first, rest])
    return (rest, [])
  }

  /// merge: `first` and `second`, where the second starts where the first ends, become one buffer with the first's marks.
  ///
  /// Needs: both in hand, adjacent, in one region; the valid parts touch, or one of them is empty.
  public mutating func merge(_ first: Buffer, _ second: Buffer, by agent: Agent) -> Set<Objection> {
    guard hand[agent, default: []].contains(second), let index = hand[agent, default: []].firstIndex(of: first) else {
      return [.notOwned]
    }
    let validEnd = first.validOffset + first.validByteCount
    let secondValidStart = first.byteCount + second.validOffset
    let validTouch = first.validByteCount == 0 || second.validByteCount == 0 || validEnd == secondValidStart
    guard first.region == second.region, first.offset + first.byteCount == second.offset, validTouch else {
      return [.notAdjacent]
    }
    var joined = first
    joined.byteCount += second.byteCount
    joined.validByteCount += second.validByteCount
    if first.validByteCount == 0, second.validByteCount > 0 { joined.validOffset = secondValidStart }
    hand[agent]?[index] = joined
    hand[agent]?.removeAll { $0 == second }
    return []
  }

  /// Changes the valid part and the marks: any change of a buffer in hand that keeps its bytes and its bounds.
  public mutating func rewrite(_ buffer: Buffer, as changed: Buffer, by agent: Agent) -> Set<Objection> {
    guard let index = hand[agent, default: []].firstIndex(of: buffer) else { return [.notOwned] }
    let region = region(buffer.region)
    let faults = Self.faults(of: changed, regionByteCount: UInt64(region?.byteCount ?? 0))
    guard faults.isEmpty else { return Set(faults.map { .badDescriptor($0) }) }
    guard bytes(of: changed) == bytes(of: buffer) else { return [.notOwned] }
    hand[agent]?[index] = changed
    return []
  }
}
