internal import CleanQ
internal import CleanQWire

extension IPCounters {
  /// Takes back that a frame was sent which was made by this stack: an answer, an error or an ARP request. The port below has not
  /// taken it. Frames of the application are not counted here.
  ///
  /// A frame in memory that a peer shares may have changed since: then the wrong number is lower by one, and none passes zero.
  mutating func uncount(_ frame: borrowing Buffer) {
    guard frame.flags.contains(.reply) else { return }
    let bytes = frame.bytes
    guard case .success(let ethernet) = EthernetHeader.parse(bytes) else { return }
    let packet = bytes.extracting(EthernetHeader.byteCount..<bytes.count)
    switch ethernet.etherType {
    case .arp:
      guard case .success(let arp) = ARPPacket.parse(packet) else { return }
      switch arp.operation {
      case .request: Self.decrement(&arpRequestsSent)
      case .reply: Self.decrement(&arpRepliesSent)
      }
    case .ipv4:
      guard case .success(let header) = IPv4Header.parse(packet), header.protocol == .icmp,
        packet.count > header.headerByteCount
      else { return }
      if ICMPv4Type(rawValue: packet[header.headerByteCount]) == .echoReply {
        Self.decrement(&icmpEchoReplies)
      } else {
        Self.decrement(&icmpErrorsSent)
      }
    default: return
    }
  }

  private static func decrement(_ count: inout UInt64) { if count > 0 { count &-= 1 } }
}
