public import Synchronization

/// One end's running balance per region slot: bytes and buffers that it handed over minus those that it took.
///
/// Its own end writes it with plain stores; the other end reads it for a census. The balances of the two ends add up to
/// what is in flight.
@safe
@usableFromInline
final class RingBalance: @unchecked Sendable {
  /// Bytes of slot s at 2s, buffers at 2s + 1.
  @usableFromInline let values: UnsafeMutablePointer<Atomic<Int>>
  private static let valueCount = 2 * RegionDirectory.capacity

  init() {
    unsafe values = UnsafeMutablePointer<Atomic<Int>>.allocate(capacity: Self.valueCount)
    for index in 0..<Self.valueCount { unsafe (values + index).initialize(to: Atomic(0)) }
  }

  deinit { unsafe values.deallocate() }

  func bytes(_ slot: Int) -> Int { unsafe values[2 * slot].load(ordering: .relaxed) }
  func buffers(_ slot: Int) -> Int { unsafe values[2 * slot + 1].load(ordering: .relaxed) }

  func clear(_ slot: Int) {
    unsafe values[2 * slot].store(0, ordering: .relaxed)
    unsafe values[2 * slot + 1].store(0, ordering: .relaxed)
  }
}
