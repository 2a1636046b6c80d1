/// What Linux puts in front of packets that are captured on several interfaces at once, in place of a link header. Sendable.
///
/// ```
/// version 1 | packet type 2 | hardware 2 | address length 2 | address 8 | type 2 |
/// version 2 | type 2 | 0 2 | interface 4 | hardware 2 | packet type 1 | address length 1 | address 8 |
/// ```
/// Source: tcpdump.org/linktypes/LINKTYPE_LINUX_SLL.html, LINKTYPE_LINUX_SLL2.html.
public struct LinuxCookedHeader: Sendable, Hashable {
  /// The number of bytes in front of a packet, of version 1 and of version 2.
  public static let byteCount = 16
  public static let version2ByteCount = 20

  /// Whether the packet was sent to all.
  public var isBroadcast: Bool
  /// The kind of hardware, by Linux's numbers.
  public var hardware: UInt16
  /// Who sent the packet, where that is a station of Ethernet.
  public var sender: MACAddress?
  /// What the packet is; nil for the numbers below 0x0600, by which Linux calls what has no EtherType.
  public var etherType: EtherType?

  private init(packetType: UInt16, hardware: UInt16, sender: MACAddress?, type: UInt16) {
    isBroadcast = packetType == 1
    self.hardware = hardware
    self.sender = sender
    etherType = type >= 0x0600 ? EtherType(rawValue: type) : nil
  }

  /// Reads a header of version 1; nil if there are fewer than 16 bytes.
  public init?(_ bytes: Span<UInt8>) {
    guard bytes.count >= Self.byteCount else { return nil }
    self.init(
      packetType: bytes.bigEndian16(at: 0), hardware: bytes.bigEndian16(at: 2),
      sender: bytes.bigEndian16(at: 4) == 6 ? MACAddress(bytes, at: 6) : nil, type: bytes.bigEndian16(at: 14))
  }

  /// Reads a header of version 2; nil if there are fewer than 20 bytes.
  public init?(version2 bytes: Span<UInt8>) {
    guard bytes.count >= Self.version2ByteCount else { return nil }
    self.init(
      packetType: UInt16(bytes[10]), hardware: bytes.bigEndian16(at: 8),
      sender: bytes[11] == 6 ? MACAddress(bytes, at: 12) : nil, type: bytes.bigEndian16(at: 0))
  }
}
