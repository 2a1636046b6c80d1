internal import CPcap
internal import CleanQ
internal import CleanQWire

/// How the records of a capture become Ethernet frames: what stands in front of the network packet is replaced by an Ethernet
/// header. Captures of Ethernet stay as they are.
///
/// Where the capture has no Ethernet addresses, those are 02:00 and the four bytes of the IPv4 address, which is what the stage
/// `ip` has on such a link, or the last four of the IPv6 address; group and broadcast addresses are mapped as on Ethernet.
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
    case .cooked: 16
    case .cooked2: 20
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
      guard let type = Self.type(ofIP: packet) else { return nil }
      return Self.header(type, packet, sender: nil, isBroadcast: false)
    case .cooked:
      return Self.header(
        cooked: record.bigEndian16(at: 14), packet, packetType: record.bigEndian16(at: 0),
        hardware: record.bigEndian16(at: 2), sender: record.bigEndian16(at: 4) == 6 ? MACAddress(record, at: 6) : nil)
    case .cooked2:
      return Self.header(
        cooked: record.bigEndian16(at: 0), packet, packetType: UInt16(record[10]), hardware: record.bigEndian16(at: 8),
        sender: record[11] == 6 ? MACAddress(record, at: 12) : nil)
    }
  }

  private static func type(ofIP packet: Span<UInt8>) -> EtherType? {
    guard packet.count > 0 else { return nil }
    return packet[0] >> 4 == 4 ? .ipv4 : packet[0] >> 4 == 6 ? .ipv6 : nil
  }

  private static func header(
    cooked type: UInt16, _ packet: Span<UInt8>, packetType: UInt16, hardware: UInt16, sender: MACAddress?
  ) -> EthernetHeader? {
    // Below it are numbers of Linux for what has no EtherType; netlink is not a network at all.
    guard type >= 0x0600, hardware != arphrdNetlink else { return nil }
    return header(EtherType(rawValue: type), packet, sender: sender, isBroadcast: packetType == 1)
  }

  private static let arphrdNetlink: UInt16 = 824

  private static func header(
    _ type: EtherType, _ packet: Span<UInt8>, sender: MACAddress?, isBroadcast: Bool
  ) -> EthernetHeader {
    var (source, destination): (UInt64, UInt64) = (0x0200_0000_0000, 0x0200_0000_0000)
    if type == .ipv4, packet.count >= 20 {
      source |= UInt64(packet.bigEndian32(at: 12))
      let address = packet.bigEndian32(at: 16)
      if address >> 28 == 0xE {
        destination = 0x0100_5E00_0000 | UInt64(address & 0x7F_FFFF)  // RFC 1112 § 6.4
      } else {
        destination = address == 0xFFFF_FFFF ? 0xFFFF_FFFF_FFFF : destination | UInt64(address)
      }
    } else if type == .ipv6, packet.count >= 40 {
      source |= UInt64(packet.bigEndian32(at: 20))
      let address = UInt64(packet.bigEndian32(at: 36))
      destination = packet[24] == 0xFF ? 0x3333_0000_0000 | address : destination | address  // RFC 2464 § 7
    }
    return EthernetHeader(
      destination: isBroadcast ? .broadcast : MACAddress(rawValue: destination),
      source: sender ?? MACAddress(rawValue: source), etherType: type)
  }
}
