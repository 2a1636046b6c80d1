public import CleanQ
public import CleanQNet
public import CleanQPipeline
internal import CleanQWire

/// The `ip` stage: Ethernet frames below, IPv4 packets above. ARP and ICMP are done here.
public struct IP: LayerStage, ClaimingStage {
  public typealias Below = Frame
  public typealias Above = Packet

  /// Headroom, in bytes, that a packet needs that is given to an ``IPPort``: for the headers of IP and Ethernet, which are
  /// written over the metadata.
  public static let headroom = Headroom.packet

  /// The interface's address and prefix length: `10.0.0.2/24`.
  public let address: String
  /// The interface's Ethernet address; nil for that of the device below, or, where it has none on this side, as a TAP device,
  /// 02:00 and the four bytes of the IP address.
  public let mac: String?
  /// The router for addresses outside the prefix; nil where there is none.
  public let gateway: String?

  /// The texts are checked when the pipeline is opened.
  public init(_ address: String, mac: String? = nil, gateway: String? = nil) {
    self.address = address
    self.mac = mac
    self.gateway = gateway
  }

  /// IPv4 and ARP.
  public var claims: [Claim] {
    [
      Claim(FrameSelector.self, key: Int(EtherType.ipv4.rawValue), name: "EtherType 0x0800 (IPv4)"),
      Claim(FrameSelector.self, key: Int(EtherType.arp.rawValue), name: "EtherType 0x0806 (ARP)"),
    ]
  }

  public var shape: StageShape { .layer(below: .frame, above: .packet) }

  @inlinable
  @inline(__always)
  public func attach<Lower: Port & ~Copyable, Next: PortContinuation>(
    to lower: consuming Lower, in context: PipelineContext, then next: Next
  ) throws(StageError) -> Next.Result where Lower.Unit == Below, Next.Unit == Above {
    try next(
      IPPort(
        on: lower, configuration(), sharedNeighbors: sharedNeighbors(in: context), onEvent: events(in: context)))
  }

  /// Lets what happens on the link be logged.
  @usableFromInline
  func events(in context: PipelineContext) -> IPEventHandler {
    let log = IPLog(context.logger)
    return { log.write($0, at: $1) }
  }

  /// What the instances of the pipeline tell each other, where there are several.
  @usableFromInline
  func sharedNeighbors(in context: PipelineContext) throws(StageError) -> SharedNeighborCache? {
    guard context.instanceCount > 1 else { return nil }
    return try context.shared { () throws(StageError) in SharedNeighborCache() }
  }

  /// Checks the texts.
  @usableFromInline
  func configuration() throws(StageError) -> IPConfiguration {
    do { return try IPConfiguration(address: address, mac: mac, gateway: gateway) } catch {
      let values = ["address": address, "mac": mac ?? "", "gateway": gateway ?? ""]
      throw StageError(
        "ip(\(address))", "bad \(error.parameter) \"\(values[error.parameter] ?? "")\": \(error.message)")
    }
  }

  /// `ip` in pipeline texts.
  public static var kind: StageKind {
    StageKind(
      name: "ip", summary: "an IPv4 host on Ethernet: answers ARP and ping, receives and transmits packets",
      shapes: [.layer(below: .frame, above: .packet)],
      parameters: [
        Parameter(
          "address", .custom(placeholder: "ADDRESS/PREFIX", validate: { IPConfiguration.addressProblem($0) }),
          required: true, "the host's address and the prefix length of its network"),
        Parameter(
          "mac", .custom(placeholder: "MAC", validate: { IPConfiguration.macProblem($0) }), keyOnly: true,
          "the host's Ethernet address (default: the device's; if it has none, 02:00 and the IP address)"),
        Parameter(
          "gateway", .custom(placeholder: "ADDRESS", validate: { Self.addressSyntaxProblem($0) }), keyOnly: true,
          "the router to addresses outside the prefix; without one they are not answered"),
      ],
      examples: [
        "tap(tap0) | ip(10.0.0.2/24) | udp(7) | echo",
        "tap(tap0) | ip(10.0.0.2/24, gateway: 10.0.0.1) | udp(7) | echo",
      ],
      notes: """
        Fragments are refused and counted; packets are sent with the flag "do not fragment". Only senders inside the prefix \
        are answered, be it ping, an error or a datagram from above, unless there is a gateway. A priority tag (802.1Q with VLAN 0) is \
        taken off; frames of a VLAN are dropped. IP options are skipped: an echo reply carries none, so "ping -R" records nothing.
        """,
      counts: IPCounts.descriptions, claims: .frame
    ) { arguments throws(ArgumentError) in
      let stage = IP(
        arguments.text("address") ?? "", mac: arguments.text("mac"), gateway: arguments.text("gateway"))
      do throws(IPConfigurationError) {
        _ = try IPConfiguration(address: stage.address, mac: stage.mac, gateway: stage.gateway)
      } catch {
        throw ArgumentError(error.parameter, error.message)
      }
      return stage
    }
  }

  private static func addressSyntaxProblem(_ text: String) -> String? {
    IPv4Address(text) == nil ? "write four numbers from 0 to 255 with dots between them, as in 10.0.0.1" : nil
  }
}
