public import CleanQ

/// One loop of a pipeline: what every loop can be asked to do, with any ports.
///
/// The closures are made where the loop's type is known, so that the loop is compiled for that type.
@usableFromInline
final class Worker {
  /// The CPU that the loop is pinned to, or nil.
  var cpu: Int?
  /// The loop's number among all of the pipeline.
  var index = 0
  /// What the loop is for, and which stages are in it. Set when it is opened.
  var segment = LoopSegment()

  /// What the devices of this loop want.
  @usableFromInline let wanted: () -> WantedBuffers
  /// Registers the region with the left port, and with the right one where no loop above does.
  @usableFromInline let register: (_ region: borrowing Region, _ registersRight: Bool) -> QueueError?
  /// Tells the right port from how many buffers it is served.
  @usableFromInline let shareOut: (_ bufferCount: Int) -> QueueError?
  /// Carves buffers and gives them to the ports' receive queues.
  @usableFromInline let prime: (_ region: borrowing Region, _ wanted: WantedBuffers) -> Void
  /// Runs the loop until the pipeline stops, then closes its ports.
  @usableFromInline let run: (_ control: RunControl, _ index: Int, _ place: LoopPlace) -> Void
  /// What its stages say before it runs.
  @usableFromInline let reports: () -> [StageReport]

  @inlinable
  init<Left: Port & ~Copyable, Right: Port & ~Copyable>(_ loop: Loop<Left, Right>) {
    wanted = { loop.wanted }
    register = { loop.register($0, registersRight: $1) }
    shareOut = { loop.shareOut($0) }
    prime = { loop.prime(from: $0, $1) }
    run = { loop.run($0, index: $1, place: $2) }
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

  @inlinable
  init(left: PortCapabilities, right: PortCapabilities) {
    self.init(
      left: left.wantedBufferCount, right: right.wantedBufferCount,
      byteCount: max(left.wantedBufferByteCount, right.wantedBufferByteCount),
      backing: left.wantedBacking == .shared ? .shared : right.wantedBacking)
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
  /// The stages of its left port, bottom up, then those of its right port; of a fork each branch's, after its account.
  @usableFromInline var reports: [StageReport] = []
  /// Everything it and what is below it held.
  @usableFromInline var held = BufferAccounts()
  /// In a loop below the one that owns the memory, what the interlink above it says.
  @usableFromInline var interlink: BufferAccounts?
  /// In another, what it should have held of the pipeline's memory: the owner all buffers that exist, one above it what the interlink
  /// below has lent it.
  @usableFromInline var expectedByteCount = 0

  @inlinable
  init() {}

  /// Bytes of the pipeline's buffers that it should have had and had not, or the reverse. Buffers that a stage has made of another
  /// region are that stage's business, and are left out.
  ///
  /// - Parameters:
  ///   - region: the pipeline's.
  ///   - regionByteCount: how long it is.
  func differenceByteCount(of region: RegionID, _ regionByteCount: Int) -> Int {
    let expected = interlink.map { regionByteCount - $0.elsewhereByteCount(of: region) } ?? expectedByteCount
    return abs(expected - held.elsewhereByteCount(of: region))
  }
}

extension BufferAccounts {
  /// Bytes of a region in flight and at the peer, and those of which nobody says where they belong.
  fileprivate func elsewhereByteCount(of region: RegionID) -> Int {
    inFlightByteCount + atPeerByteCount - elsewhereByteCount(ofOthersThan: region)
  }
}

/// Where a loop is, as seen from the one that owns the memory.
@usableFromInline
enum LoopPlace {
  /// Below it: its right end is an interlink, which the loop above has registered.
  case below
  /// The owner: the topmost loop, or the one with the first fork.
  case owner(PipelineMemory)
  /// Above it, in a branch: its left end is an interlink, which the loop below has registered.
  case above

  /// Whether no loop comes behind it to which the end of a source could be passed on.
  @usableFromInline
  var isLast: Bool {
    if case .below = self { false } else { true }
  }
}

/// What one loop of a pipeline consists of.
struct LoopSegment {
  /// Its number among the loops of its copy, in the order of the text.
  var number = 0
  /// The numbers of its stages in the report, in the order in which the loop reports them.
  var stages: [Int] = []
  /// The branch that it is in; nil below the first fork, and in the loop that has it.
  var branch: BranchBox?
}
