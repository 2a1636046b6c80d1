public import CleanQ
public import CleanQWire

/// What the layers know of an IP packet beside its payload. It is kept in the buffer's line of private memory
/// (`MetadataLine`), so it is what was checked, whoever changes the packet meanwhile, and crosses threads with the buffer.
///
/// ```
///   16   17    18           19    20     22      24     28     32                         64
///   ┌────┬─────┬────────────┬─────┬──────┬───────┬──────┬──────┬──────────────────────────┐
///   │hops│proto│family,flags│link │header│frame  │ports │      │ IPv4 addresses, unused … │
///   └────┴─────┴────────────┴─────┴──────┴───────┴──────┴──────┴──────────────────────────┘
/// ```
/// Numbers as a packet has them (ports, addresses) lie there in network byte order, others in the machine's. The addresses have
/// room for those of IPv6.
@frozen
public struct PacketMetadata: Equatable, Sendable {
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
  /// Received: a fragment that is not the first of its packet.
  public var isLaterFragment: Bool
  /// Received: bytes of IP header, options included. Zero in a packet to be sent.
  public var headerByteCount: Int
  /// Received: bytes of link header in front of the IP header, a VLAN tag included.
  public var linkByteCount: Int
  /// Received: where the frame begins, counted from the buffer's first byte. The IP header begins ``linkByteCount`` bytes
  /// behind, and the payload ``headerByteCount`` bytes behind that.
  public var frameOffset: Int

  @inlinable
  public init(
    source: IPv4Address, destination: IPv4Address, protocol: IPProtocol, timeToLive: UInt8 = 64,
    isBroadcast: Bool = false, isLaterFragment: Bool = false, headerByteCount: Int = 0, linkByteCount: Int = 0,
    frameOffset: Int = 0
  ) {
    self.source = source
    self.destination = destination
    self.protocol = `protocol`
    self.timeToLive = timeToLive
    self.isBroadcast = isBroadcast
    self.isLaterFragment = isLaterFragment
    self.headerByteCount = headerByteCount
    self.linkByteCount = linkByteCount
    self.frameOffset = frameOffset
  }
}

extension Buffer {
  /// The facts of the packet in this buffer. Without ``hasMetadata`` it reads as zeros and setting does nothing.
  @inlinable
  public var packetMetadata: PacketMetadata {
    get {
      var metadata = PacketMetadata(
        source: .unspecified, destination: .unspecified, protocol: IPProtocol(rawValue: 0), timeToLive: 0)
      guard hasMetadata else { return metadata }
      // SAFETY: the buffer has a line.
      let line = unsafe MetadataWords(self)
      let marks = unsafe line.marks
      unsafe metadata.source = line.source
      unsafe metadata.destination = line.destination
      metadata.protocol = IPProtocol(rawValue: UInt8(truncatingIfNeeded: marks >> 8))
      metadata.timeToLive = UInt8(truncatingIfNeeded: marks)
      metadata.isBroadcast = marks & MetadataMarks.broadcast != 0
      metadata.isLaterFragment = marks & MetadataMarks.laterFragment != 0
      metadata.linkByteCount = Int(marks >> 24)
      unsafe metadata.headerByteCount = line.headerByteCount
      unsafe metadata.frameOffset = line.frameOffset
      return metadata
    }
    set {
      guard hasMetadata else { return }
      // SAFETY: the buffer has a line.
      let line = unsafe MetadataWords(self)
      let flags =
        (newValue.isBroadcast ? MetadataMarks.broadcast : 0)
        | (newValue.isLaterFragment ? MetadataMarks.laterFragment : 0)
      unsafe line.marks =
        MetadataMarks.ipv4(hops: newValue.timeToLive, newValue.protocol) | flags
        | UInt32(truncatingIfNeeded: newValue.linkByteCount) << 24
      unsafe line.place(
        headerByteCount: newValue.headerByteCount, frameOffset: newValue.frameOffset)
      unsafe line.addresses = IPv4Words.addresses(newValue.source, newValue.destination)
    }
  }
}
