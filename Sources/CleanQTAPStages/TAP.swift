public import CleanQ
public import CleanQPipeline
public import CleanQTAP
internal import CleanQPlatform
public import CleanQWire

/// A TAP device: an Ethernet link between the pipeline and the machine's own kernel.
///
/// The kernel sees a network device of that name; what it sends there the pipeline receives, and the reverse. Standing at
/// the right end of a pipeline it does the same. Sendable.
///
///     TAP("tap0")                                     made where it does not exist, gone at the end
///     TAP("tap0", address: "10.0.0.1/24")             with an address for the kernel's side
@dynamicMemberLookup
public struct TAP: EndStage, Hashable {
  public typealias Unit = Frame
  public typealias Opened = TAPPort

  public typealias IO = TAPConfiguration.IO

  public var configuration: TAPConfiguration
  /// What was wrong with a text given to the initialiser; said when the stage is opened.
  var diagnostic: String?

  public init(
    _ name: String, address: IPv4Prefix? = nil, mac: MACAddress? = nil, mtu: Int? = nil, persistent: Bool = false,
    io: IO = .auto, offload: Bool = true
  ) {
    configuration = TAPConfiguration(name)
    configuration.address = address
    configuration.mac = mac
    configuration.mtu = mtu
    configuration.persistent = persistent
    configuration.io = io
    configuration.offload = offload
  }

  /// The same with addresses as text: `10.0.0.1/24`, `02:00:00:00:00:01`. A mistake in one is thrown by ``open(in:)``.
  public init(
    _ name: String, address: String, mac: String? = nil, mtu: Int? = nil, persistent: Bool = false, io: IO = .auto,
    offload: Bool = true
  ) {
    self.init(name, address: try? IPv4Prefix(address), mtu: mtu, persistent: persistent, io: io, offload: offload)
    diagnostic = TAPConfiguration.diagnostic(aboutAddress: address)
    if let mac {
      configuration.mac = MACAddress(mac)
      diagnostic = diagnostic ?? TAPConfiguration.diagnostic(aboutMAC: mac)
    }
  }

  /// The configuration's settings: `tap.create = false`.
  public subscript<Value>(dynamicMember setting: WritableKeyPath<TAPConfiguration, Value>) -> Value {
    get { configuration[keyPath: setting] }
    set { configuration[keyPath: setting] = newValue }
  }

  public var shape: StageShape { .end(.frame, right: true) }

  public var resources: [StageResource] { [StageResource("TAP device", configuration.name)] }

  public func open(in context: PipelineContext) throws(StageError) -> TAPPort {
    let stage = "tap(\(configuration.name))"
    if let diagnostic { throw StageError(stage, diagnostic) }
    let log = TAPLog(configuration, EventLog(context.logger, stage: stage))
    do throws(TAPError) { return try TAPPort(configuration) { log.write($0) } } catch {
      let advice = error.code == .missing ? Self.alternatives(to: error.name) : ""
      throw StageError(stage, error.message + advice, errno: error.errno)
    }
  }

  /// Which devices there are instead of one that does not exist.
  private static func alternatives(to name: String) -> String {
    let names = NetworkLink.all().filter(\.isTAP).map(\.name)
    if names.isEmpty { return ", nor another TAP device; create one with \"ip tuntap add \(name) mode tap\"" }
    let list =
      names.count == 1 ? "the only TAP device is \(names[0])" : "the TAP devices are \(Prose.list(names, "and"))"
    return "; " + Spelling.suggestion(for: name, among: names, otherwise: list)
  }
}
