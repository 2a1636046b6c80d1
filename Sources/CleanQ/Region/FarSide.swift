/// The peer's account: what a two-ended queue must know of a region's buffers at the side that did not register the region, and
/// cannot see: that they were released there, went out of scope, or were split or joined.
///
/// The rule: a buffer has the queue's note from the time when the peer dequeues it until either side enqueues it again, or it
/// ends; at the peer are the bytes of the live buffers with the note. A queue sets the note (``note(_:isAway:)``) and counts how
/// often that changes a buffer, not how often a buffer passes, since a buffer may leave the peer, or reach it, without passing
/// this queue. Ending or splitting a buffer takes the region's lock anyway, and updates the accounts of all queues whose note the
/// buffer has (``change``). So accounts are exact, and they cost the data path two instructions.
///
/// One per registration. Sendable: each call but `note` takes the region's lock; only `note` is for the data path.
public final class FarSide: Sendable {
  let control: RegionControl
  let index: Int

  /// How many queues of this kind can have one region at a time.
  public static let capacity = FarSideAccounts.capacity

  /// Opens an account of a region that a queue is about to register.
  ///
  /// - Throws: `refused` where the region has ``capacity`` of them.
  public convenience init(of region: borrowing Region) throws(QueueError) {
    try self.init(of: region.control, namesBytes: false)
  }

  /// - Parameter index: which note it is to be, where that one is free.
  convenience init(of region: borrowing Region, preferring index: Int?) throws(QueueError) {
    try self.init(of: region.control, namesBytes: false, preferring: index)
  }

  /// - Parameters:
  ///   - namesBytes: whether ``takeReturned()`` will be asked which bytes were released.
  ///   - preferred: which note it is to be, where that one is free.
  init(of control: RegionControl, namesBytes: Bool, preferring preferred: Int? = nil) throws(QueueError) {
    self.control = control
    guard let index = control.state.withLock({ $0.farSides.open(namesBytes: namesBytes, preferring: preferred) }) else {
      throw QueueError(
        .refused,
        context: "\(control.id) is registered with \(Self.capacity) rings and checks already; deregister it from one")
    }
    self.index = index
  }

  /// Bytes and buffers that reached the peer without passing the queue; negative if they left it.
  public var change: (byteCount: Int, bufferCount: Int) { control.state.withLock { $0.farSides.change(at: index) } }

  /// The bytes that were released at the peer since the last call.
  func takeReturned() -> [Range<Int>] { control.state.withLock { $0.farSides.takeReturned(at: index) } }

  /// Notes on a buffer of the region whether it is at the peer: `true` when the peer dequeues it, `false` when either side
  /// enqueues it.
  ///
  /// - Returns: whether that changed the note, so that the buffer's bytes must be added to those at the peer, or subtracted.
  /// - Complexity: O(1), and takes no lock.
  @discardableResult
  public func note(_ buffer: inout Buffer, isAway: Bool) -> Bool {
    let noted = buffer.descriptor.noted(AwayNote(index, isAway: isAway))
    defer { buffer.descriptor = noted }
    return noted != buffer.descriptor
  }

  /// Ends the account: the region is deregistered, or the queue goes.
  ///
  /// - Parameter awayByteCount: bytes that are still at the peer, in buffers with the note.
  public func close(awayByteCount: Int) {
    control.state.withLock { $0.farSides.close(index, awayByteCount: awayByteCount) }
  }

  /// The same, while other threads may end buffers with the note.
  ///
  /// - Parameter passedByteCount: what is at the peer without ``change``: bytes that got the note, minus those that lost it.
  func close(passedByteCount: Int) {
    control.state.withLock { state in
      let away = state.farSides.change(at: index).byteCount + passedByteCount
      state.farSides.close(index, awayByteCount: away)
    }
  }
}
