public import CleanQ
public import CleanQNet
public import CleanQPipeline

/// The `udp` stage: packets below, datagrams above. Begins a branch of the packets to its ports.
public struct UDP: LayerStage, ClaimingStage, BlockReadingStage {
  public typealias Below = Packet
  public typealias Above = Datagram

  /// Headroom, in bytes, that a datagram needs that is given to a ``UDPPort``: for the headers of UDP, IP and Ethernet.
  public static let headroom = Headroom.datagram

  /// The ports that stay open.
  public private(set) var ports: [UInt16]
  /// Ports of its own that open and close while it runs; nil where they do not.
  private var live: LivePorts?
  /// The same of the branches above it.
  private var branchLive: [LivePorts] = []
  /// The ports are those of the branches.
  private var isOfBlock = false

  public init(port: UInt16) { ports = [port] }

  public init(ports: [UInt16]) { self.ports = ports }

  /// The ports are those that the branches above claim.
  public init() { ports = [] }

  /// - Parameter live: the ports, which the program opens and closes while the pipeline runs.
  public init(_ live: LivePorts) {
    ports = []
    self.live = live
  }

  public var claims: [Claim] { ports.map(Self.claim) }

  private static func claim(_ port: UInt16) -> Claim {
    Claim(PacketSelector.self, key: Int(port), name: "UDP port \(port)")
  }

  public var selector: (any ForkSelector.Type)? {
    ports.isEmpty && allLive.isEmpty ? nil : PacketSelector.self
  }

  /// Datagrams to ports that nobody opens are answered with port unreachable, by the first branch of UDP.
  public var unclaimedKeys: Range<Int> { 0..<65_536 }

  public var claimLabel: String {
    isOfBlock ? "" : (ports + (live?.open ?? [])).map(String.init).joined(separator: ",")
  }

  private var allLive: [LivePorts] { branchLive + [live].compactMap(\.self) }

  public func reading(_ branches: [any ClaimingStage]) -> any StageDescription {
    let claimed = branches.flatMap(\.claims).map { UInt16($0.key) }.filter { !ports.contains($0) }
    var stage = self
    stage.isOfBlock = ports.isEmpty && live == nil
    stage.ports += claimed
    stage.branchLive += branches.compactMap { ($0 as? UDPPorts)?.live }
    return stage
  }

  public var missing: String? {
    selector == nil ? "needs a port; write udp(PORT, …), or a block of port(PORT, …) after it" : nil
  }

  public func didOpen(_ claims: BranchClaims) throws(ClaimError) {
    for live in allLive { try live.add(claims, Self.claim) }
  }

  /// The set of its ports, for one layer. They are the host's own from now on.
  @usableFromInline
  func openPorts(in context: PipelineContext) -> PortSet {
    let (set, own) = (PortSet(ports), context.ownPorts)
    for port in ports { own.insert(port) }
    for live in allLive {
      live.add(set)
      live.add(own)
    }
    return set
  }

  @inlinable
  @inline(__always)
  public func attach<Lower: Port & ~Copyable, Next: PortContinuation>(
    to lower: consuming Lower, in context: PipelineContext, then next: Next
  ) throws(StageError) -> Next.Result where Lower.Unit == Below, Next.Unit == Above {
    try next(UDPPort(on: lower, ports: openPorts(in: context)))
  }

  /// `udp` in pipeline texts.
  public static var kind: StageKind {
    StageKind(
      name: "udp", summary: "delivers UDP datagrams to the given ports; others are answered with port unreachable",
      parameters: [
        Parameter(
          "port", .integer(1...65_535, placeholder: "PORT"), repeatable: true,
          "a port to open, 1 to 65535; several are possible (default: those of the block after it)")
      ],
      examples: [
        "tap(tap0) | ip(10.0.0.2/24) | udp(7) | echo", "tap(tap0) | ip(10.0.0.2/24) | udp(7, 9, 4000) | discard",
        "tap(tap0) | ip(10.0.0.2/24) { udp(7) | echo; udp(9) | count | discard }",
      ],
      counts: UDPDrop.descriptions
    ) { arguments throws(ArgumentError) in
      let ports = arguments.integers("port")
      for (index, port) in ports.enumerated() where ports[..<index].contains(port) {
        throw ArgumentError("port", index: index, "it is given twice; remove one")
      }
      return UDP(ports: ports.map { UInt16($0) })
    }
  }
}

extension PipelineContext {
  /// The UDP ports that the pipeline has open, in all branches and instances.
  @usableFromInline var ownPorts: PortSet { common { PortSet([]) } }
}
