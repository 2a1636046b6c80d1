/// Where the bytes of the registered regions are, as one side sees it.
///
/// `registered = owned + in flight + at the peer`, in bytes; exact while neither side is inside an operation. The buffer
/// counts tell how many buffers make up the latter two.
@frozen
public struct Census: Equatable, Sendable {
  /// Bytes of all registered regions.
  public var registeredByteCount = 0
  /// Handed over in either direction and not yet taken.
  public var inFlightByteCount = 0
  public var inFlightBufferCount = 0
  /// Taken by the other side (a thread, a layer, the kernel, a device) and not yet given back.
  public var atPeerByteCount = 0
  public var atPeerBufferCount = 0

  @inlinable
  public init() {}

  /// What this side owns: all that is neither in flight nor with the peer.
  public var ownedByteCount: Int { registeredByteCount - inFlightByteCount - atPeerByteCount }

  /// Adds what another queue of the same stack holds. Registered bytes are not added: the stack shares its regions.
  public mutating func addHoldings(of other: Census) {
    inFlightByteCount += other.inFlightByteCount
    inFlightBufferCount += other.inFlightBufferCount
    atPeerByteCount += other.atPeerByteCount
    atPeerBufferCount += other.atPeerBufferCount
  }

  /// Adds the buffers that a stage holds back in a burst.
  public mutating func addInFlight(_ burst: borrowing Burst) {
    for index in 0..<burst.count {
      inFlightByteCount += burst[index].byteCount
      inFlightBufferCount += 1
    }
  }
}
