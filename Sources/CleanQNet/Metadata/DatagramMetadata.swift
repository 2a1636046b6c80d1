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
      guard hasMetadata else {
        return DatagramMetadata(source: .unspecified, sourcePort: 0, destination: .unspecified, destinationPort: 0)
      }
      // SAFETY: the buffer has a line.
      let line = unsafe MetadataWords(self)
      let ports = unsafe line.ports
      return unsafe DatagramMetadata(
        source: line.source, sourcePort: UInt16(truncatingIfNeeded: ports).byteSwapped, destination: line.destination,
        destinationPort: UInt16(truncatingIfNeeded: ports >> 16).byteSwapped)
    }
    set {
      guard hasMetadata else { return }
      // SAFETY: the buffer has a line.
      let line = unsafe MetadataWords(self)
      unsafe line.addresses = IPv4Words.addresses(newValue.source, newValue.destination)
      unsafe line.ports = UDPWords.ports(newValue.sourcePort, newValue.destinationPort)
    }
  }
}
