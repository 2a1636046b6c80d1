public import CleanQ
public import CleanQWire

/// The facts of a UDP datagram that are not in its payload: who sent it and to whom it goes.
@frozen
public struct DatagramMetadata: Equatable, Sendable {
  /// Where the datagram comes from: the peer of a received one, this host of one to be sent.
  public var source: IPv4Address
  public var sourcePort: UInt16
  /// Where it goes to.
  public var destination: IPv4Address
  public var destinationPort: UInt16

  @inlinable
  public init(source: IPv4Address, sourcePort: UInt16, destination: IPv4Address, destinationPort: UInt16) {
    self.source = source
    self.sourcePort = sourcePort
    self.destination = destination
    self.destinationPort = destinationPort
  }

  /// The metadata of an answer.
  @inlinable
  public var reflected: DatagramMetadata {
    DatagramMetadata(
      source: destination, sourcePort: destinationPort, destination: source, destinationPort: sourcePort)
  }
}

extension Buffer {
  /// The addresses and ports of the datagram in this buffer. Without ``hasMetadata`` it reads as zeros and setting does
  /// nothing.
  @inlinable
  public var datagramMetadata: DatagramMetadata {
    get {
      let bytes = storage
      guard hasMetadata, bytes.count >= PacketMetadata.byteCount else {
        return DatagramMetadata(source: .unspecified, sourcePort: 0, destination: .unspecified, destinationPort: 0)
      }
      return DatagramMetadata(
        source: IPv4Address(rawValue: bytes.bigEndian32(at: 0)), sourcePort: bytes.bigEndian16(at: 12),
        destination: IPv4Address(rawValue: bytes.bigEndian32(at: 4)), destinationPort: bytes.bigEndian16(at: 14))
    }
    set {
      guard hasMetadata else { return }
      var bytes = mutableStorage
      guard bytes.count >= PacketMetadata.byteCount else { return }
      bytes.storeBigEndian(newValue.source.rawValue, at: 0)
      bytes.storeBigEndian(newValue.destination.rawValue, at: 4)
      bytes.storeBigEndian(newValue.sourcePort, at: 12)
      bytes.storeBigEndian(newValue.destinationPort, at: 14)
    }
  }
}
