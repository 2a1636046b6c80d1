public import CleanQ
public import CleanQPipeline
internal import CleanQWire

/// The `udp` stage: packets below, datagrams above.
public struct UDP: LayerStage {
  public typealias Below = Packet
  public typealias Above = Datagram

  /// Headroom, in bytes, that a datagram needs that is given to a ``UDPPort``: for the headers of UDP, IP and Ethernet.
  public static let headroom = UDPHeader.byteCount + IP.headroom

  /// The open ports.
  public let ports: [UInt16]

  public init(port: UInt16) { ports = [port] }

  public init(ports: [UInt16]) { self.ports = ports }

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
          "port", .integer(1...65_535, placeholder: "PORT"), required: true, repeatable: true,
          "a port to open, 1 to 65535; there may be several")
      ],
      examples: [
        "tap(tap0) | ip(10.0.0.2/24) | udp(7) | echo", "tap(tap0) | ip(10.0.0.2/24) | udp(7, 9, 4000) | discard",
      ],
      counts: UDPDrop.descriptions
    ) { arguments throws(ArgumentError) in
      let ports = arguments.integers("port")
      for (index, port) in ports.enumerated() where ports[..<index].contains(port) {
        throw ArgumentError("port", index: index, "it is named twice; leave one out")
      }
      return UDP(ports: ports.map { UInt16($0) })
    }
  }
}
