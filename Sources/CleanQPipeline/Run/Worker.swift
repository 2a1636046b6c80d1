public import CleanQ

/// One loop of a pipeline: what every loop can be asked to do, whatever ports it joins.
///
/// The closures are made where the loop's type is known, so that the loop is compiled for that type.
@usableFromInline
final class Worker {
  /// The CPU that the loop is pinned to, or nil.
  var cpu: Int?
  /// The loop's number among all of the pipeline.
  var index = 0

  /// What the devices of this loop want.
  @usableFromInline let wanted: () -> WantedBuffers
  /// Registers the region with the left port, and with the right one where the loop is the last.
  @usableFromInline let register: (_ region: borrowing Region, _ isLast: Bool) -> QueueError?
  /// Carves buffers and gives them to the ports' receive queues.
  @usableFromInline let prime: (_ region: borrowing Region, _ wanted: WantedBuffers) -> Void
  /// Runs the loop until the pipeline stops, then closes its ports.
  @usableFromInline let run: (_ control: RunControl, _ index: Int, _ memory: PipelineMemory?) -> Void
  /// What its stages say before it runs.
  @usableFromInline let reports: () -> [StageReport]

  @inlinable
  init<Left: Port & ~Copyable, Right: Port & ~Copyable>(_ loop: Loop<Left, Right>) {
    wanted = { loop.wanted }
    register = { loop.register($0, isLast: $1) }
    prime = { loop.prime(from: $0, $1) }
    run = { loop.run($0, index: $1, memory: $2) }
    reports = { loop.reports }
  }
}

/// How many buffers a loop's devices work best with, and how long they have to be.
@frozen
@usableFromInline
struct WantedBuffers {
  @usableFromInline var left: Int
  @usableFromInline var right: Int
  @usableFromInline var byteCount: Int
  /// `.shared` where a device of either port wants it.
  @usableFromInline var backing: RegionBacking

  @inlinable
  init(left: Int, right: Int, byteCount: Int, backing: RegionBacking) {
    self.left = left
    self.right = right
    self.byteCount = byteCount
    self.backing = backing
  }
}

extension WantedBuffers {
  /// How far apart buffers begin: an odd number of cache lines. At a power of two the first lines of all buffers, which is
  /// where packets begin, would share a few sets of each cache.
  @inlinable
  var strideByteCount: Int { (byteCount + 63) / 64 * 64 | 64 }
}

/// What a loop has done, and what it has.
@frozen
@usableFromInline
struct WorkerOutcome: Sendable {
  /// The stages of its left port, bottom up, then those of its right port.
  @usableFromInline var reports: [StageReport] = []
  /// Everything it and what is below it held.
  @usableFromInline var held = BufferAccounts()
  /// In another loop than the last, what the interlink above it says.
  @usableFromInline var interlink: BufferAccounts?
  /// In the last loop, the bytes of the buffers that exist.
  @usableFromInline var liveByteCount = 0

  @inlinable
  init() {}

  /// Bytes of the pipeline's buffers that it should have had and had not, or the reverse. Buffers that a stage has made of another
  /// region are that stage's business, and are left out.
  ///
  /// - Parameters:
  ///   - region: the pipeline's.
  ///   - regionByteCount: how long it is.
  func differenceByteCount(of region: RegionID, _ regionByteCount: Int) -> Int {
    let expected = interlink.map { regionByteCount - $0.elsewhereByteCount(of: region) } ?? liveByteCount
    return abs(expected - held.elsewhereByteCount(of: region))
  }
}

extension BufferAccounts {
  /// Bytes of a region in flight and at the peer, and those of which nobody says where they belong.
  fileprivate func elsewhereByteCount(of region: RegionID) -> Int {
    inFlightByteCount + atPeerByteCount - elsewhereByteCount(ofOthersThan: region)
  }
}
