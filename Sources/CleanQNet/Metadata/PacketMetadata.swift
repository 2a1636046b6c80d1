public import CleanQ
public import CleanQWire

// What a layer knows of a packet and the next one needs: it travels in the first 32 bytes of the buffer, in front of every
// header, so that it crosses threads and processes with the packet and costs the descriptor nothing.
//
//      0        4        8  9 10 11 12    14    16              32          50
//      ┌────────┬────────┬──┬──┬──┬──┬─────┬─────┬────────────────┬───────────┬────────
//      │ source │ dest.  │pr│ttl fl│hl│sport│dport│ reserved       │ headroom  │ frame …
//      └────────┴────────┴──┴──┴──┴──┴─────┴─────┴────────────────┴───────────┴────────

/// The facts of an IP packet that are not in its payload.
@frozen
public struct PacketMetadata: Equatable, Sendable {
  /// How many bytes at the start of each buffer belong to metadata.
  @inlinable
  public static var byteCount: Int { 32 }

  /// Where the packet comes from: the peer of a received packet, this host of one to be sent.
  public var source: IPv4Address
  /// Where it goes to.
  public var destination: IPv4Address
  public var `protocol`: IPProtocol
  /// Hops left; of a received packet those that it came with.
  public var timeToLive: UInt8
  /// Received: it was sent to a link-layer or IP broadcast address, so it must not be answered, not even with
  /// an error.
  public var isBroadcast: Bool
  /// Received: bytes of IP header directly in front of the payload. Zero in a packet to be sent.
  public var headerByteCount: UInt8

  @inlinable
  public init(
    source: IPv4Address, destination: IPv4Address, protocol: IPProtocol, timeToLive: UInt8 = 64,
    isBroadcast: Bool = false, headerByteCount: UInt8 = 0
  ) {
    self.source = source
    self.destination = destination
    self.protocol = `protocol`
    self.timeToLive = timeToLive
    self.isBroadcast = isBroadcast
    self.headerByteCount = headerByteCount
  }
}

extension Buffer {
  /// Whether the buffer is long enough, and its valid part far enough from the start, for metadata.
  @inlinable
  public var hasMetadata: Bool { headroom >= PacketMetadata.byteCount }

  /// The facts of the packet in this buffer. Without ``hasMetadata`` it reads as zeros and setting does nothing.
  @inlinable
  public var packetMetadata: PacketMetadata {
    get {
      let bytes = storage
      guard hasMetadata, bytes.count >= PacketMetadata.byteCount else {
        return PacketMetadata(
          source: .unspecified, destination: .unspecified, protocol: IPProtocol(rawValue: 0), timeToLive: 0)
      }
      return PacketMetadata(
        source: IPv4Address(rawValue: bytes.bigEndian32(at: 0)),
        destination: IPv4Address(rawValue: bytes.bigEndian32(at: 4)), protocol: IPProtocol(rawValue: bytes[8]),
        timeToLive: bytes[9], isBroadcast: bytes[10] != 0, headerByteCount: bytes[11])
    }
    set {
      guard hasMetadata else { return }
      var bytes = mutableStorage
      guard bytes.count >= PacketMetadata.byteCount else { return }
      bytes.storeBigEndian(newValue.source.rawValue, at: 0)
      bytes.storeBigEndian(newValue.destination.rawValue, at: 4)
      bytes[8] = newValue.protocol.rawValue
      bytes[9] = newValue.timeToLive
      bytes[10] = newValue.isBroadcast ? 1 : 0
      bytes[11] = newValue.headerByteCount
    }
  }
}
