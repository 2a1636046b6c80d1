internal import CPcap
internal import CleanQ
internal import CleanQWire

/// How the records of a capture become Ethernet frames: what stands in front of the network packet is replaced by an Ethernet
/// header. Captures of Ethernet stay as they are.
///
/// Where the capture has no Ethernet addresses, they are made from those of IP (`EthernetHeader(standingInFor:)`): the stage `ip`
/// has the same on such a link.
///
/// Source: tcpdump.org/linktypes.html.
enum EthernetConversion: CaseIterable {
  case ethernet
  /// IP packets with nothing in front.
  case raw
  /// Four bytes with the address family of the machine that captured, in its byte order or the network's.
  case loopback
  /// Linux cooked: `-i any`.
  case cooked
  /// Linux cooked, version 2.
  case cooked2

  /// Nil for links whose records cannot be made Ethernet frames.
  init?(dlt: Int32) {
    switch dlt {
    case DLT_EN10MB: self = .ethernet
    case DLT_RAW, DLT_IPV4, DLT_IPV6: self = .raw
    case DLT_NULL, DLT_LOOP: self = .loopback
    case DLT_LINUX_SLL: self = .cooked
    case DLT_LINUX_SLL2: self = .cooked2
    default: return nil
    }
  }

  /// What the record begins with that is not the packet, in bytes.
  var linkByteCount: Int {
    switch self {
    case .ethernet, .raw: 0
    case .loopback: 4
    case .cooked: LinuxCookedHeader.byteCount
    case .cooked2: LinuxCookedHeader.version2ByteCount
    }
  }

  /// The header that the packet gets.
  ///
  /// - Parameter record: the record's bytes.
  /// - Returns: nil if no Ethernet frame has this content, or if the record is too short to tell.
  func header(of record: Span<UInt8>) -> EthernetHeader? {
    guard self != .ethernet, record.count >= linkByteCount else { return nil }
    let packet = record.extracting(linkByteCount...)
    switch self {
    case .ethernet: return nil
    case .raw, .loopback:
      guard let type = EtherType(ofPacket: packet) else { return nil }
      return EthernetHeader(standingInFor: packet, type, sender: nil, isBroadcast: false)
    case .cooked: return Self.header(LinuxCookedHeader(record), packet)
    case .cooked2: return Self.header(LinuxCookedHeader(version2: record), packet)
    }
  }

  private static func header(_ cooked: LinuxCookedHeader?, _ packet: Span<UInt8>) -> EthernetHeader? {
    // Netlink is not a network at all.
    guard let cooked, let type = cooked.etherType, cooked.hardware != arphrdNetlink else { return nil }
    return EthernetHeader(
      standingInFor: packet, type, sender: cooked.sender, isBroadcast: cooked.isBroadcast)
  }

  private static let arphrdNetlink: UInt16 = 824
}
