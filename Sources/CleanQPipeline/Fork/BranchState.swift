public import CleanQ

/// What is between a fork and one of its branches: four bursts, and the branch's account. Belongs to the thread of the fork.
@frozen
@usableFromInline
struct BranchState: ~Copyable {
  /// Received packets for the branch, buffers of its packets that were sent, and what it sends and frees.
  @usableFromInline var backlog = Backlog()
  /// The regions that the branch knows.
  @usableFromInline var table = RegionTable()

  /// Buffers that the fork lent to the branch, less those that it took back.
  @usableFromInline var lentCount = 0
  /// Buffers that came or went otherwise, when that was looked at last: within some ten milliseconds where a packet was dropped.
  @usableFromInline var change = 0
  /// A packet was dropped since the branch had its share, as far as is known.
  @usableFromInline var isRecountDue = false
  /// While a region is being deregistered: bytes of it that are lent to the branch, wherever they are.
  @usableFromInline var remainingByteCount = 0
  /// The most buffers that the branch may have.
  @usableFromInline var limit = Int.max / 2
  /// Empty buffers that the device at its right end is still to get at the start.
  @usableFromInline var primeCount = 0

  /// The branch has something to do: its loop is to be turned.
  @usableFromInline var isDue = true
  /// Something outside can give the branch work at any time.
  @usableFromInline var isPolled = false
  /// Of what the branch sent or freed not all had room.
  @usableFromInline var isRefused = false
  /// Turns of the fork since the loop was turned.
  @usableFromInline var skipCount = 0

  /// Packets that were dropped since the branch had its share.
  @usableFromInline var shareDropCount: UInt64 = 0
  /// Packets that were dropped since the branch did not take those before them.
  @usableFromInline var inboxDropCount: UInt64 = 0

  @inlinable
  init() {}

  /// How many more buffers may be lent with packets; those that its devices are still to get are kept for them.
  @inlinable
  var lendableCount: Int { limit &- lentCount &- change &- primeCount }
}

/// Holds the state of one branch for those who point to it: the fork, the branch's port, and the loop to which the branch is
/// handed over.
@safe
@usableFromInline
final class BranchBox {
  @usableFromInline let state: UnsafeMutablePointer<BranchState>
  /// The share that the user gave to the branch, in buffers; nil for an equal part.
  let share: Int?
  /// The number of the branch's first stage in the report.
  let stage: Int
  /// As errors and reports name the branch.
  let name: String
  /// What the port below the fork says of its link.
  let link: PortCapabilities.Link
  /// Buffers that devices want that stand in the branch where it runs on other threads.
  var handedOverCount = 0
  /// The branch's share of the buffers below; nil before they are shared out.
  private(set) var shareCount: Int?
  /// The loop of the branch on the fork's thread.
  var loop: BranchLoop?

  /// - Parameters:
  ///   - name: as errors and reports name the branch.
  ///   - share: what the user gave to it.
  ///   - stage: the number of its first stage.
  ///   - link: of the port on which the fork is going to stand.
  init(name: String, share: Int?, stage: Int, link: PortCapabilities.Link) {
    self.name = name
    self.share = share
    self.stage = stage
    unsafe state = .allocate(capacity: 1)
    unsafe state.initialize(to: BranchState())
    self.link = link
  }

  deinit {
    // SAFETY: made in `init`; the fork and the port that point to it hold this object.
    unsafe state.deinitialize(count: 1)
    unsafe state.deallocate()
  }

  /// Gives the branch its share of the buffers below, and on top of that those that its own devices want.
  func take(share: Int, wantedCount: Int) {
    shareCount = share
    // SAFETY: as in `deinit`; the fork's thread does not run yet.
    unsafe state.pointee.limit = share + wantedCount
    unsafe state.pointee.primeCount = wantedCount
  }
}
