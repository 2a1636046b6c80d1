/// What a two-ended queue has to know of a region's buffers at its far side, the side that did not register the region, and
/// cannot see: that they were brought home there, or went out of scope, or were cut or joined.
///
/// A queue counts what passes through it, and notes on each buffer whether it is at the far side (``note(_:isAway:)``). Whoever
/// ends or cuts a buffer takes the region's lock anyway, and tells the accounts of all queues whose note the buffer bears.
/// So a census is exact, and costs the data path two instructions.
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

  /// - Parameter namesBytes: whether ``takeReturned()`` will be asked which bytes were brought home.
  init(of control: RegionControl, namesBytes: Bool) throws(QueueError) {
    self.control = control
    guard let index = control.state.withLock({ $0.farSides.open(namesBytes: namesBytes) }) else {
      throw QueueError(
        .refused,
        context: "\(control.id) is registered with \(Self.capacity) rings and checks already; deregister it from one")
    }
    self.index = index
  }

  /// Bytes and buffers that came to the far side otherwise than through the queue; negative where they left it.
  public var change: (byteCount: Int, bufferCount: Int) { control.state.withLock { $0.farSides.change(at: index) } }

  /// The bytes that were brought home from the far side since the last call.
  func takeReturned() -> [Range<Int>] { control.state.withLock { $0.farSides.takeReturned(at: index) } }

  /// Notes on a buffer of the region that it is at the far side now, or is not any more.
  ///
  /// - Complexity: O(1), and takes no lock.
  public func note(_ buffer: inout Buffer, isAway: Bool) {
    buffer.descriptor = buffer.descriptor.noted(AwayNote(index, isAway: isAway))
  }

  /// Ends the account: the region is deregistered, or the queue goes.
  ///
  /// - Parameter awayByteCount: bytes that are still at the far side, in buffers that bear the note.
  public func close(awayByteCount: Int) {
    control.state.withLock { $0.farSides.close(index, awayByteCount: awayByteCount) }
  }
}
