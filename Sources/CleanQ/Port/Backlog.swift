/// What waits between a port and its user: at most a burst on each of the four ways.
///
///      above      ▲ toReceive   ▲ toComplete   │ toTransmit   │ toFill
///      below      │ packets     │ buffers      ▼ packets      ▼ buffers
///
/// A stage keeps here, and nowhere else, what it could not pass on. What it holds of a region, its accounts and whether it may sleep
/// follow from that. Those left in it when it goes return to their regions.
@frozen
public struct Backlog: ~Copyable, Sendable {
  /// Received packets for the user.
  public var toReceive = Burst()
  /// Buffers of packets that were sent, or will not be, for the user.
  public var toComplete = Burst()
  /// Packets for the transmit queue below.
  public var toTransmit = Burst()
  /// Empty buffers for the receive queue below.
  public var toFill = Burst()

  @inlinable
  public init() {}

  @inlinable
  public var isEmpty: Bool { !hasArrivals && !hasDepartures }

  /// Something waits for the user: a reason not to sleep.
  @inlinable
  public var hasArrivals: Bool { !toReceive.isEmpty || !toComplete.isEmpty }

  /// Something waits for the port below.
  @inlinable
  public var hasDepartures: Bool { !toTransmit.isEmpty || !toFill.isEmpty }

  /// Bytes of the buffers that belong to one region.
  public func byteCount(of region: RegionID) -> Int {
    toReceive.byteCount(of: region) + toComplete.byteCount(of: region) + toTransmit.byteCount(of: region)
      + toFill.byteCount(of: region)
  }

  /// For a stage of which a region is deregistered.
  ///
  /// - Throws: `elsewhere` where buffers of the region wait here.
  public func requireNone(of region: RegionID) throws(QueueError) {
    try QueueError.requireNone(elsewhereByteCount: byteCount(of: region))
  }

  /// Counts what waits as in flight.
  public func add(to accounts: inout BufferAccounts) {
    accounts.addInFlight(toReceive)
    accounts.addInFlight(toComplete)
    accounts.addInFlight(toTransmit)
    accounts.addInFlight(toFill)
  }
}
