public import CleanQ
public import CleanQPipeline

/// The `ethertype` stage: begins a branch of frames of one EtherType, which it counts and lets pass.
public struct EtherTypes: LayerStage, ClaimingStage {
  public typealias Below = Frame
  public typealias Above = Frame

  /// The EtherTypes.
  public let types: [UInt16]

  /// - Parameter types: at least one, each 1536 or more.
  public init(_ types: UInt16...) { self.types = types }

  init(types: [UInt16]) { self.types = types }

  public var claims: [Claim] {
    types.map { Claim(FrameSelector.self, key: Int($0), name: "EtherType \(Self.text($0))") }
  }

  public var claimLabel: String { types.map(Self.text).joined(separator: ",") }

  private static func text(_ type: UInt16) -> String {
    let digits = String(type, radix: 16)
    return "0x" + String(repeating: "0", count: 4 - digits.count) + digits
  }

  @inlinable
  @inline(__always)
  public func attach<Lower: Port & ~Copyable, Next: PortContinuation>(
    to lower: consuming Lower, in context: PipelineContext, then next: Next
  ) throws(StageError) -> Next.Result where Lower.Unit == Below, Next.Unit == Above {
    try next(CountPort(on: lower, name: "ethertype"))
  }

  /// `ethertype` in pipeline texts.
  public static var kind: StageKind {
    StageKind(
      name: "ethertype", summary: "begins a branch: claims the frames of the given EtherTypes",
      parameters: [
        Parameter(
          "type", .custom(placeholder: "TYPE", validate: { number($0) == nil ? "write 0x0600 to 0xffff" : nil }),
          required: true, repeatable: true, "an EtherType in hexadecimal digits, as 0x88cc; several are possible")
      ],
      examples: ["tap(tap0) { ip(10.0.0.2/24) | udp(7) | echo; ethertype(0x88cc) | discard }"]
    ) { arguments throws(ArgumentError) in
      let types = arguments.texts("type").compactMap(number)
      for (index, type) in types.enumerated() where types[..<index].contains(type) {
        throw ArgumentError("type", index: index, "it is given twice; remove one")
      }
      return EtherTypes(types: types)
    }
  }

  private static func number(_ text: String) -> UInt16? {
    guard text.hasPrefix("0x") || text.hasPrefix("0X"), let type = UInt16(text.dropFirst(2), radix: 16), type >= 0x600
    else { return nil }
    return type
  }
}

/// The `port` stage: begins a branch of datagrams to some UDP ports, which it counts and lets pass. The `udp` below it opens
/// them.
public struct UDPPorts: LayerStage, ClaimingStage {
  public typealias Below = Datagram
  public typealias Above = Datagram

  /// The UDP ports that it keeps.
  public let ports: [UInt16]
  /// Those that it gets and loses while it runs; nil where they do not change.
  private(set) var live: LivePorts?

  /// - Parameter ports: at least one, none of them 0.
  public init(_ ports: UInt16...) { self.ports = ports }

  init(ports: [UInt16]) { self.ports = ports }

  /// - Parameter live: the ports, which the program opens and closes while the pipeline runs.
  public init(_ live: LivePorts) {
    ports = []
    self.live = live
  }

  public var claims: [Claim] { ports.map(Self.claim) }

  private static func claim(_ port: UInt16) -> Claim {
    Claim(DatagramSelector.self, key: Int(port), name: "UDP port \(port)")
  }

  public var selector: (any ForkSelector.Type)? { ports.isEmpty && live == nil ? nil : DatagramSelector.self }

  public func didOpen(_ claims: BranchClaims) throws(ClaimError) { try live?.add(claims, Self.claim) }

  public var claimLabel: String { (ports + (live?.open ?? [])).map(String.init).joined(separator: ",") }

  @inlinable
  @inline(__always)
  public func attach<Lower: Port & ~Copyable, Next: PortContinuation>(
    to lower: consuming Lower, in context: PipelineContext, then next: Next
  ) throws(StageError) -> Next.Result where Lower.Unit == Below, Next.Unit == Above {
    try next(CountPort(on: lower, name: "port"))
  }

  /// `port` in pipeline texts.
  public static var kind: StageKind {
    StageKind(
      name: "port", summary: "begins a branch: claims the datagrams to the given UDP ports",
      parameters: [
        Parameter(
          "port", .integer(1...65_535, placeholder: "PORT"), required: true, repeatable: true,
          "a port, which the udp below opens, 1 to 65535; several are possible")
      ],
      examples: ["tap(tap0) | ip(10.0.0.2/24) | udp { port(7) | echo; port(9) | discard }"]
    ) { arguments throws(ArgumentError) in
      let ports = arguments.integers("port")
      for (index, port) in ports.enumerated() where ports[..<index].contains(port) {
        throw ArgumentError("port", index: index, "it is given twice; remove one")
      }
      return UDPPorts(ports: ports.map { UInt16($0) })
    }
  }
}
