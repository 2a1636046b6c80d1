public import CleanQ

/// Two ports joined: what one receives the other transmits, and buffers go back where they came from.
///
/// Every loop of every pipeline is a junction: between a stack of layers and an application (`echo`), between two devices
/// (a forwarder), between a stack and the cable to the next thread.
///
///        left                                 right
///      ┌─────────┐ receive ──── up ──►  transmit ┌─────────┐
///      │         │ fill ◄──── emptied ── complete │         │
///      │         │ transmit ◄── down ──── receive │         │
///      │         │ complete ─── sent ───►    fill │         │
///      └─────────┘                                └─────────┘
///
/// A port that takes no more leaves the rest in the junction's burst, and nothing more is asked of the other side until it
/// does: back pressure, without loss.
@frozen
public struct Junction<Left: Port & ~Copyable, Right: Port & ~Copyable>: ~Copyable where Left.Unit == Right.Unit {
  public var left: Left
  public var right: Right
  @usableFromInline var up = Burst()
  @usableFromInline var down = Burst()
  @usableFromInline var emptied = Burst()
  @usableFromInline var sent = Burst()

  @inlinable
  public init(_ left: consuming Left, _ right: consuming Right) {
    self.left = left
    self.right = right
  }

  /// Moves one burst in each of the four directions.
  ///
  /// - Returns: how many buffers moved from one port to the other; 0 where there was nothing to do, or no room.
  @inlinable
  public mutating func turn() -> Int {
    left.receive(into: &up)
    var moved = up.count
    right.transmit(&up)
    moved &-= up.count
    right.receive(into: &down)
    moved &+= down.count
    left.transmit(&down)
    moved &-= down.count
    left.complete(into: &sent)
    moved &+= sent.count
    right.fill(&sent)
    moved &-= sent.count
    right.complete(into: &emptied)
    moved &+= emptied.count
    left.fill(&emptied)
    moved &-= emptied.count
    left.notify()
    right.notify()
    return moved
  }

  /// What waits here because a port had no room.
  public func held() -> Census {
    var census = Census()
    census.addInFlight(up)
    census.addInFlight(down)
    census.addInFlight(emptied)
    census.addInFlight(sent)
    return census
  }
}
