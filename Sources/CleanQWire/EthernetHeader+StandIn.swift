extension EthernetHeader {
  /// A header for a packet that came without one, of a link that is not Ethernet.
  ///
  /// The addresses are 02:00 and the four bytes of the IPv4 address, or the last four of the IPv6 address; those of groups and
  /// of all are mapped as on Ethernet (RFC 1112 § 6.4; RFC 2464 § 7).
  ///
  /// - Parameters:
  ///   - packet: the packet, which may be cut short.
  ///   - sender: who sent it, where that is known.
  ///   - isBroadcast: whether it is known to have been sent to all.
  /// - Complexity: O(1).
  public init(standingInFor packet: Span<UInt8>, _ etherType: EtherType, sender: MACAddress?, isBroadcast: Bool) {
    var (source, destination): (UInt64, UInt64) = (0x0200_0000_0000, 0x0200_0000_0000)
    if etherType == .ipv4, packet.count >= IPv4Header.byteCount {
      let words = IPv4Words(packet)
      let address = words.destination
      source |= UInt64(words.source.rawValue)
      if address.isMulticast {
        destination = 0x0100_5E00_0000 | UInt64(address.rawValue & 0x7F_FFFF)
      } else {
        destination = address.isLimitedBroadcast ? 0xFFFF_FFFF_FFFF : destination | UInt64(address.rawValue)
      }
    } else if etherType == .ipv6, packet.count >= 40 {
      // RFC 8200 § 3: the source is at 8, the destination at 24.
      source |= UInt64(packet.bigEndian32(at: 20))
      let address = UInt64(packet.bigEndian32(at: 36))
      destination = packet[24] == 0xFF ? 0x3333_0000_0000 | address : destination | address
    }
    self.init(
      destination: isBroadcast ? .broadcast : MACAddress(rawValue: destination),
      source: sender ?? MACAddress(rawValue: source), etherType: etherType)
  }
}

extension EtherType {
  /// What a packet is that begins with its IP header, by the version there; nil for no version of IP, and no bytes.
  ///
  /// - Complexity: O(1).
  public init?(ofPacket bytes: Span<UInt8>) {
    guard bytes.count > 0 else { return nil }
    switch bytes[0] >> 4 {
    case 4: self = .ipv4
    case 6: self = .ipv6
    default: return nil
    }
  }
}
