/// An ARP packet for IPv4 over Ethernet: 28 bytes. Sendable.
///
/// ```
/// | hrd 2 = 1 | pro 2 = 0x0800 | hln 1 = 6 | pln 1 = 4 | op 2 | sha 6 | spa 4 | tha 6 | tpa 4 |
/// ```
/// Source: RFC 826, "Packet format".
@frozen
public struct ARPPacket: Sendable, Hashable {
  /// The number of bytes on the wire.
  @inlinable public static var byteCount: Int { 28 }

  /// Request or reply.
  public var operation: ARPOperation
  /// The sender's Ethernet address.
  public var senderHardware: MACAddress
  /// The sender's IPv4 address; 0.0.0.0 in a probe (RFC 5227 § 2.1.1).
  public var senderProtocol: IPv4Address
  /// The target's Ethernet address; of no meaning in a request.
  public var targetHardware: MACAddress
  /// The target's IPv4 address.
  public var targetProtocol: IPv4Address

  @inlinable
  public init(
    operation: ARPOperation, senderHardware: MACAddress, senderProtocol: IPv4Address,
    targetHardware: MACAddress, targetProtocol: IPv4Address
  ) {
    self.operation = operation
    self.senderHardware = senderHardware
    self.senderProtocol = senderProtocol
    self.targetHardware = targetHardware
    self.targetProtocol = targetProtocol
  }

  /// Reads the packet at the start of `bytes`. Whatever follows its 28 bytes is padding, and ignored: Ethernet frames
  /// have at least 46 bytes of payload.
  ///
  /// - Returns: the packet, or `truncated`, `badARPHardware`, `badARPProtocol`, `badARPLength` or `badARPOperation`,
  ///   which is the order of RFC 826, "Packet Reception".
  /// - Complexity: O(1).
  @inlinable
  public static func parse(_ bytes: Span<UInt8>) -> Result<ARPPacket, WireError> {
    guard bytes.count >= 28 else { return .failure(.truncated) }
    guard bytes.bigEndian16(at: 0) == 1 else { return .failure(.badARPHardware) }
    guard bytes.bigEndian16(at: 2) == EtherType.ipv4.rawValue else { return .failure(.badARPProtocol) }
    guard bytes.bigEndian16(at: 4) == 0x0604 else { return .failure(.badARPLength) }
    guard let operation = ARPOperation(rawValue: bytes.bigEndian16(at: 6)) else { return .failure(.badARPOperation) }
    return .success(
      ARPPacket(
        operation: operation,
        senderHardware: MACAddress(bytes, at: 8), senderProtocol: IPv4Address(bytes, at: 14),
        targetHardware: MACAddress(bytes, at: 18), targetProtocol: IPv4Address(bytes, at: 24)))
  }

  /// Writes the packet over the first 28 bytes of `bytes`.
  ///
  /// - Precondition: `bytes.count >= 28`.
  /// - Complexity: O(1).
  @inlinable
  public func emit(into bytes: inout MutableSpan<UInt8>) {
    precondition(bytes.count >= 28, "an ARP packet needs 28 bytes")
    bytes.storeBigEndian(0x0001_0000 | UInt32(EtherType.ipv4.rawValue), at: 0)
    bytes.storeBigEndian(0x0604_0000 | UInt32(operation.rawValue), at: 4)
    senderHardware.emit(into: &bytes, at: 8)
    bytes.storeBigEndian(senderProtocol.rawValue, at: 14)
    targetHardware.emit(into: &bytes, at: 18)
    bytes.storeBigEndian(targetProtocol.rawValue, at: 24)
  }

  /// The question who has `address`, to be broadcast.
  ///
  /// - Complexity: O(1).
  @inlinable
  public static func request(
    for address: IPv4Address, from hardware: MACAddress, _ sender: IPv4Address
  ) -> ARPPacket {
    ARPPacket(
      operation: .request, senderHardware: hardware, senderProtocol: sender,
      targetHardware: .zero, targetProtocol: address)
  }

  /// The answer to this request: its target is at `hardware`. To be sent to `senderHardware` alone.
  ///
  /// - Complexity: O(1).
  @inlinable
  public func reply(from hardware: MACAddress) -> ARPPacket {
    ARPPacket(
      operation: .reply, senderHardware: hardware, senderProtocol: targetProtocol,
      targetHardware: senderHardware, targetProtocol: senderProtocol)
  }
}
