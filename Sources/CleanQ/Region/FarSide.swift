/// What a two-ended queue has to know of a region's buffers at its far side, the side that did not register the region, and
/// cannot see: that they were released there, or went out of scope, or were cut or joined.
///
/// The rule: a buffer carries the queue's note from when the far side takes it off the queue until either side hands it to the
/// queue again, or it ends; at the far side are the bytes of the live buffers that carry the note. A queue makes the note
/// (``note(_:isAway:)``) and counts how often that changes a buffer, not how often a buffer passes: one may leave the far side, or
/// get there, past this queue. Ending or splitting a buffer takes the region's lock anyway, and tells the accounts of all
/// queues whose note the buffer carries (``change``). So accounts are exact, and they cost the data path two instructions.
///
/// One per registration. Sendable: each call but `note` takes the region's lock; none but `note` is for the data path.
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

  /// Bytes and buffers that came to the far side otherwise than through the queue; negative where they left it.
  public var change: (byteCount: Int, bufferCount: Int) { control.state.withLock { $0.farSides.change(at: index) } }

  /// The bytes that were released on the far side since the last call.
  func takeReturned() -> [Range<Int>] { control.state.withLock { $0.farSides.takeReturned(at: index) } }

  /// Notes on a buffer of the region that it is at the far side now, or is not any more: `true` when the far side takes it off
  /// the queue, `false` when either side hands it to the queue.
  ///
  /// - Returns: whether that is news: the buffer's bytes are to be added to those at the far side, or taken from them.
  /// - Complexity: O(1), and takes no lock.
  @discardableResult
  public func note(_ buffer: inout Buffer, isAway: Bool) -> Bool {
    let noted = buffer.descriptor.noted(AwayNote(index, isAway: isAway))
    defer { buffer.descriptor = noted }
    return noted != buffer.descriptor
  }

  /// Ends the account: the region is deregistered, or the queue goes.
  ///
  /// - Parameter awayByteCount: bytes that are still at the far side, in buffers that carry the note.
  public func close(awayByteCount: Int) {
    control.state.withLock { $0.farSides.close(index, awayByteCount: awayByteCount) }
  }

  /// The same where other threads may end such buffers meanwhile.
  ///
  /// - Parameter passedByteCount: what is at the far side but for ``change``: bytes that got the note, less those that lost it.
  func close(passedByteCount: Int) {
    control.state.withLock { state in
      let away = state.farSides.change(at: index).byteCount + passedByteCount
      state.farSides.close(index, awayByteCount: away)
    }
  }
}
