public import CleanQ
public import CleanQNet
public import CleanQPipeline
public import CleanQWire

// How forks tell traffic apart. What a packet says is not checked yet: the layers of the branch do that, and a packet whose key
// was wrong is none of theirs.

/// Frames by EtherType.
public enum FrameSelector: ForkSelector {
  @inlinable
  public static var keyCount: Int { 65_536 }

  /// Source: IEEE 802.3 § 3.2.6. Frames that are too short for a type have 0, which is none.
  @inlinable
  @inline(__always)
  public static func key(of buffer: borrowing Buffer) -> Int {
    EthernetHeader.etherType(of: buffer.bytes)
  }

  @inlinable
  public static func fork(_ branches: consuming ForkBranches) -> AnyPort<Frame> {
    AnyPort(ForkPort<FrameSelector>(branches))
  }
}

/// IP packets by protocol, and those of UDP by destination port: the ports first, then the protocols.
public enum PacketSelector: ForkSelector {
  @inlinable
  public static var keyCount: Int { 65_536 + 256 }

  /// Source: RFC 768. Packets that are too short for a port have 0, which nobody can claim.
  @inlinable
  @inline(__always)
  public static func key(of buffer: borrowing Buffer) -> Int {
    guard let number = buffer.packetProtocol else { return 0 }
    return number == IPProtocol.udp.rawValue ? UDPHeader.destinationPort(of: buffer.bytes) : 65_536 &+ Int(number)
  }

  @inlinable
  public static func fork(_ branches: consuming ForkBranches) -> AnyPort<Packet> {
    AnyPort(ForkPort<PacketSelector>(branches))
  }
}

/// UDP datagrams by destination port.
public enum DatagramSelector: ForkSelector {
  @inlinable
  public static var keyCount: Int { 65_536 }

  @inlinable
  @inline(__always)
  public static func key(of buffer: borrowing Buffer) -> Int {
    buffer.datagramDestinationPort.map(Int.init) ?? 0
  }

  @inlinable
  public static func fork(_ branches: consuming ForkBranches) -> AnyPort<Datagram> {
    AnyPort(ForkPort<DatagramSelector>(branches))
  }
}
