internal import CleanQ
internal import Synchronization

/// One buffer on the heap, so that any number of them can stand in an array.
final class Keeper: @unchecked Sendable {
  private var buffer: Buffer?

  init(_ buffer: consuming Buffer) { self.buffer = .some(buffer) }

  func take() -> Buffer? { buffer.take() }

  /// Looks at the buffer, or changes it.
  func access<Result>(_ body: (inout Buffer) -> Result) -> Result? {
    guard var held = buffer.take() else { return nil }
    let result = body(&held)
    buffer = .some(held)
    return result
  }
}

/// Buffers in order, any number of them.
struct Hand {
  private(set) var keepers: [Keeper] = []
  private(set) var names: [Descriptor] = []

  var count: Int { keepers.count }
  var isEmpty: Bool { keepers.isEmpty }

  /// Bytes of one region.
  func byteCount(of region: RegionID) -> Int {
    names.reduce(0) { $0 + ($1.region == region ? Int($1.byteCount) : 0) }
  }

  mutating func append(_ buffer: consuming Buffer) {
    names.append(buffer.name)
    keepers.append(Keeper(buffer))
  }

  mutating func insert(_ buffer: consuming Buffer, at index: Int) {
    names.insert(buffer.name, at: index)
    keepers.insert(Keeper(buffer), at: index)
  }

  mutating func prepend(_ buffer: consuming Buffer) { insert(buffer, at: 0) }

  /// Puts what is in a burst in front, in its order.
  mutating func prepend(contentsOf burst: inout Burst) {
    var place = 0
    while let buffer = burst.popFirst() {
      insert(buffer, at: place)
      place += 1
    }
  }

  /// How many buffers the first run has; nil where there is none that fits in a burst.
  var runLength: Int? {
    guard let end = names.firstIndex(where: { $0.flags.contains(.last) }), end < Burst.capacity else { return nil }
    return end + 1
  }

  mutating func popLast() -> Buffer? { isEmpty ? nil : remove(at: count - 1) }

  mutating func popFirst() -> Buffer? {
    guard !keepers.isEmpty else { return nil }
    names.removeFirst()
    return keepers.removeFirst().take()
  }

  mutating func remove(at index: Int) -> Buffer? {
    names.remove(at: index)
    return keepers.remove(at: index).take()
  }

  /// Looks at a buffer, or changes it.
  mutating func access<Result>(_ index: Int, _ body: (inout Buffer) -> Result) -> Result? {
    guard
      let (result, name) = keepers[index].access({ buffer in
        let result = body(&buffer)
        return (result, buffer.name)
      })
    else { return nil }
    names[index] = name
    return result
  }

  /// Releases the buffers, except those whose bytes have an owner already.
  mutating func giveUp(_ isForged: (Descriptor) -> Bool) {
    var ended: [Descriptor] = []
    while let buffer = popFirst() {
      if isForged(buffer.name) || ended.overlapping(buffer.name) != nil {
        Quarantine.take(buffer)
      } else {
        ended.append(buffer.name)
        buffer.release()
      }
    }
  }

  mutating func releaseAll() {
    while let buffer = popFirst() { buffer.release() }
  }
}

/// Buffers that have no right to exist: their bytes have another owner. They are never brought home.
enum Quarantine {
  private static let keepers = Mutex<[Keeper]>([])

  static func take(_ buffer: consuming Buffer) {
    let keeper = Keeper(buffer)
    keepers.withLock { $0.append(keeper) }
  }
}
