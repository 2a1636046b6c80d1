public import CleanQ
public import CleanQNet
public import CleanQPipeline

/// The `udp` stage: packets below, datagrams above. Begins a branch of the packets to its ports.
public struct UDP: LayerStage, ClaimingStage, BlockReadingStage {
  public typealias Below = Packet
  public typealias Above = Datagram

  /// Headroom, in bytes, that a datagram needs that is given to a ``UDPPort``: for the headers of UDP, IP and Ethernet.
  public static let headroom = Headroom.datagram

  /// The open ports.
  public let ports: [UInt16]

  public init(port: UInt16) { ports = [port] }

  public init(ports: [UInt16]) { self.ports = ports }

  /// The ports are those that the branches above claim.
  public init() { ports = [] }

  public var claims: [Claim] {
    ports.map { Claim(PacketSelector.self, key: Int($0), name: "UDP port \($0)") }
  }

  /// Datagrams to ports that nobody opens are answered with port unreachable, by the first branch of UDP.
  public var unclaimedKeys: Range<Int> { 0..<65_536 }

  public var claimLabel: String { isOfBlock ? "" : ports.map(String.init).joined(separator: ",") }

  /// The ports are those of the branches.
  private var isOfBlock = false

  public func reading(_ claims: [Claim]) -> any StageDescription {
    let claimed = claims.map { UInt16($0.key) }.filter { !ports.contains($0) }
    var stage = UDP(ports: ports + claimed)
    stage.isOfBlock = ports.isEmpty
    return stage
  }

  public var missing: String? {
    ports.isEmpty ? "needs a port; write udp(PORT, …), or a block of port(PORT, …) after it" : nil
  }

  public var shape: StageShape { .layer(below: .packet, above: .datagram) }

  @inlinable
  @inline(__always)
  public func attach<Lower: Port & ~Copyable, Next: PortContinuation>(
    to lower: consuming Lower, in context: PipelineContext, then next: Next
  ) throws(StageError) -> Next.Result where Lower.Unit == Below, Next.Unit == Above {
    context.noteOpenPorts(ports)
    return try next(UDPPort(on: lower, ports: ports))
  }

  /// `udp` in pipeline texts.
  public static var kind: StageKind {
    StageKind(
      name: "udp", summary: "delivers UDP datagrams to some ports; others are answered with port unreachable",
      shapes: [.layer(below: .packet, above: .datagram)],
      parameters: [
        Parameter(
          "port", .integer(1...65_535, placeholder: "PORT"), repeatable: true,
          "a port to open, 1 to 65535; there may be several; unless given, those of the block after it")
      ],
      examples: [
        "tap(tap0) | ip(10.0.0.2/24) | udp(7) | echo", "tap(tap0) | ip(10.0.0.2/24) | udp(7, 9, 4000) | discard",
        "tap(tap0) | ip(10.0.0.2/24) { udp(7) | echo; udp(9) | count | discard }",
      ],
      counts: UDPDrop.descriptions, claims: .packet
    ) { arguments throws(ArgumentError) in
      let ports = arguments.integers("port")
      for (index, port) in ports.enumerated() where ports[..<index].contains(port) {
        throw ArgumentError("port", index: index, "it is named twice; leave one out")
      }
      return UDP(ports: ports.map { UInt16($0) })
    }
  }
}
