/// Where the bytes of the registered regions are, as one side sees it.
///
/// `registered = owned + in flight + at the peer`, in bytes; exact while neither side is inside an operation. The buffer
/// counts tell how many buffers make up the latter two.
@frozen
public struct BufferAccounts: Equatable, Sendable {
  /// Bytes of all registered regions.
  public var registeredByteCount = 0
  /// Handed over in either direction and not yet taken.
  public var inFlightByteCount = 0
  public var inFlightBufferCount = 0
  /// Taken by the other side (a thread, a layer, the kernel, a device) and not yet given back.
  public var atPeerByteCount = 0
  public var atPeerBufferCount = 0

  /// The bytes among those in flight and at the peer of which the region is known.
  @usableFromInline var byteCounts: [RegionID: Int] = [:]

  @inlinable
  public init() {}

  /// What this side owns: all that is neither in flight nor with the peer.
  public var ownedByteCount: Int { registeredByteCount - inFlightByteCount - atPeerByteCount }

  /// Bytes in flight and at the peer that belong to other regions than this one.
  public func elsewhereByteCount(ofOthersThan region: RegionID) -> Int {
    byteCounts.reduce(0) { $0 + ($1.key == region ? 0 : $1.value) }
  }

  /// Adds what another queue of the same stack holds. Registered bytes are not added: the stack shares its regions.
  public mutating func addHoldings(of other: BufferAccounts) {
    inFlightByteCount += other.inFlightByteCount
    inFlightBufferCount += other.inFlightBufferCount
    atPeerByteCount += other.atPeerByteCount
    atPeerBufferCount += other.atPeerBufferCount
    for (region, byteCount) in other.byteCounts { byteCounts[region, default: 0] += byteCount }
  }

  /// Adds a buffer that is in flight.
  public mutating func addInFlight(_ buffer: borrowing Buffer) {
    addInFlight(byteCount: buffer.byteCount, bufferCount: 1, of: buffer.region)
  }

  /// Adds a buffer that is at the peer.
  public mutating func addAtPeer(_ buffer: borrowing Buffer) {
    addAtPeer(byteCount: buffer.byteCount, bufferCount: 1, of: buffer.region)
  }

  /// Adds the buffers that a stage holds back in a burst.
  public mutating func addInFlight(_ burst: borrowing Burst) {
    for index in 0..<burst.count { addInFlight(burst[index]) }
  }

  mutating func addInFlight(byteCount: Int, bufferCount: Int, of region: RegionID) {
    inFlightByteCount += byteCount
    inFlightBufferCount += bufferCount
    byteCounts[region, default: 0] += byteCount
  }

  mutating func addAtPeer(byteCount: Int, bufferCount: Int, of region: RegionID) {
    atPeerByteCount += byteCount
    atPeerBufferCount += bufferCount
    byteCounts[region, default: 0] += byteCount
  }

  /// Compares the numbers. Of which regions they are is not always known.
  public static func == (one: BufferAccounts, other: BufferAccounts) -> Bool {
    one.registeredByteCount == other.registeredByteCount && one.inFlightByteCount == other.inFlightByteCount
      && one.inFlightBufferCount == other.inFlightBufferCount && one.atPeerByteCount == other.atPeerByteCount
      && one.atPeerBufferCount == other.atPeerBufferCount
  }
}
