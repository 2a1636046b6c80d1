public import CleanQ
public import CleanQPipeline
public import CleanQWire

/// A TAP device: an Ethernet link between the pipeline and the machine's own kernel.
///
/// The kernel sees a network device of that name; what it sends there the pipeline receives, and the reverse. Standing at
/// the right end of a pipeline it does the same. Sendable.
///
///     TAP("tap0")                                     made where it does not exist, gone at the end
///     TAP("tap0", address: "10.0.0.1/24")             with an address for the kernel's side
public struct TAP: EndStage, Hashable {
  public typealias Unit = Frame
  public typealias Opened = TAPPort

  /// How frames pass between the process and the kernel.
  public enum IO: String, Sendable, Hashable, CaseIterable {
    /// io_uring where the kernel lets the process have it, else read and write; the log says so.
    case auto
    /// io_uring or nothing: one system call per burst.
    case uring
    /// One system call per frame.
    case readWrite = "readwrite"
  }

  /// The device's name, 1 to 15 bytes.
  public var name: String
  /// An address for the kernel's side, beside those that it has; nil leaves it as it is. It goes at the end unless it was there before,
  /// as do the next two settings in a device that was there before.
  public var address: IPv4Prefix?
  /// The Ethernet address of the kernel's side; nil leaves it as it is, random in a device that is made.
  public var mac: MACAddress?
  /// The most bytes of an IP packet on the link; nil leaves it as it is, 1500 in a device that is made.
  public var mtu: Int?
  /// Whether a device that is made stays when the pipeline ends. One that was there before always does.
  public var persistent: Bool
  /// Whether the device is made where it does not exist; else that is an error.
  public var create = true
  public var io: IO
  /// Whether UDP datagrams of one flow that are sent together go to the kernel as one frame, which takes it apart again.
  ///
  /// The kernel then does for many what it does for each, until a socket wants them. Whoever watches the device, as tcpdump
  /// does, sees frames longer than the MTU, as with a card that joins what it receives. Before Linux 6.2 each goes alone; the
  /// log says so.
  public var offload: Bool
  /// What was wrong with a text given to the initialiser; said when the stage is opened.
  var diagnostic: String?

  public init(
    _ name: String, address: IPv4Prefix? = nil, mac: MACAddress? = nil, mtu: Int? = nil, persistent: Bool = false,
    io: IO = .auto, offload: Bool = true
  ) {
    self.name = name
    self.address = address
    self.mac = mac
    self.mtu = mtu
    self.persistent = persistent
    self.io = io
    self.offload = offload
  }

  /// The same with addresses as text: `10.0.0.1/24`, `02:00:00:00:00:01`. A mistake in one is thrown by ``open(in:)``.
  public init(
    _ name: String, address: String, mac: String? = nil, mtu: Int? = nil, persistent: Bool = false, io: IO = .auto,
    offload: Bool = true
  ) {
    self.init(name, address: try? IPv4Prefix(address), mtu: mtu, persistent: persistent, io: io, offload: offload)
    diagnostic = Self.diagnostic(aboutAddress: address)
    if let mac {
      self.mac = MACAddress(mac)
      diagnostic = diagnostic ?? Self.diagnostic(aboutMAC: mac)
    }
  }

  public var shape: StageShape { .end(.frame, right: true) }

  public var resources: [StageResource] { [StageResource("TAP device", name)] }

  public func open(in context: PipelineContext) throws(StageError) -> TAPPort {
    try TAPPort(self, logger: context.logger)
  }

  /// The stage as errors name it.
  var stageName: String { "tap(\(name))" }
}
