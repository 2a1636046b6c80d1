internal import CleanQPipeline
public import CleanQWire
internal import Logging

/// What can be asked of a virtio network device, however it is reached: what the stages ``Virtio`` and ``VhostUser`` have in common.
public struct VirtioSettings: Hashable, Sendable {
  /// How many queue pairs are used, one for each instance of the pipeline.
  public var queues: Int
  /// This side's Ethernet address, for layers above that ask; nil for the device's own, or one that is made up.
  public var mac: MACAddress?
  /// Packed rings instead of split ones: true for these or nothing, false never, nil where the device has them.
  public var packed: Bool?
  /// One frame in several buffers, on receive: as ``packed``, but nil means never, since buffers are long enough.
  public var mergeable: Bool?
  /// The device keeps the order of buffers: as ``packed``.
  public var inOrder: Bool?
  /// Either side says when it wants to be notified next: as ``packed``.
  public var eventIndex: Bool?

  public init(queues: Int = 1, mac: MACAddress? = nil) {
    self.queues = queues
    self.mac = mac
  }

  /// Opens one queue pair of a device that all instances of the pipeline share; the first instance makes it.
  ///
  /// - Parameter stage: as errors name it, once.
  func open<Transport: VirtioTransport>(
    _ stage: String, in context: PipelineContext, reach: () throws(VirtioError) -> Transport
  ) throws(StageError) -> VirtioNetPort {
    let device = try context.shared { () throws(StageError) in
      do throws(VirtioError) {
        let device = try VirtioNetDevice(
          try reach(), pairCount: queues, options: VirtioNetOptions(self), logger: context.logger,
          cancelFile: context.cancelFile)
        context.logger.info("\(stage): agreed on \(device.features)")
        return device
      } catch { throw context.isCancelled ? .cancelled(stage) : StageError(stage, error) }
    }
    do throws(VirtioError) {
      return try VirtioNetPort(device, pair: context.instanceIndex, cancelFile: context.cancelFile)
    } catch {
      throw context.isCancelled ? .cancelled(stage) : StageError(stage, error)
    }
  }
}

// MARK: In pipeline texts

extension VirtioSettings {
  /// The parameters behind the one that names the device.
  ///
  /// - Parameter address: what this side's Ethernet address is where none is given.
  static func parameters(address: String) -> [Parameter] {
    [
      Parameter(
        "queues", .integer(1...PipelineText.maximumInstanceCount, placeholder: "COUNT", unit: "queue pairs"),
        default: "1", keyOnly: true, "how many queue pairs; one for each CPU of the list after the first stage"),
      Parameter(
        "mac", .custom(placeholder: "MAC") { diagnostic(aboutMAC: $0) }, keyOnly: true,
        "this side's Ethernet address, which ip takes on; \(address)"),
      Parameter("packed", .boolean, keyOnly: true, "packed rings: yes for no others, no for split ones"),
      Parameter("mergeable", .boolean, keyOnly: true, "whether a received frame may lie in several buffers"),
      Parameter("in-order", .boolean, keyOnly: true, "whether the device has to keep the order of buffers"),
      Parameter("event-index", .boolean, keyOnly: true, "whether each side says when it wants the next notification"),
    ]
  }

  static let notes = """
    The last four arguments are for trying variants: what is not given is used where the device has it, but for mergeable, \
    which is not.
    """

  init(_ arguments: Arguments) {
    self.init(queues: arguments.integer("queues") ?? 1, mac: arguments.text("mac").flatMap { MACAddress($0) })
    packed = arguments.boolean("packed")
    mergeable = arguments.boolean("mergeable")
    inOrder = arguments.boolean("in-order")
    eventIndex = arguments.boolean("event-index")
  }

  /// What is wrong with the text of an Ethernet address, as it reads after a colon; nil when nothing is.
  private static func diagnostic(aboutMAC text: String) -> String? {
    guard let mac = MACAddress(text), mac.isUnicast else {
      return "a device's address is six pairs of hexadecimal digits with colons, as in 02:00:00:00:00:01"
    }
    return nil
  }
}

extension VirtioNetOptions {
  init(_ settings: VirtioSettings) {
    self.init()
    macAddress = settings.mac
    let variants: [(VirtioFeatures, Bool?)] = [
      (.ringPacked, settings.packed), (.mergeableReceiveBuffers, settings.mergeable), (.inOrder, settings.inOrder),
      (.eventIndex, settings.eventIndex),
    ]
    for case (let feature, let isWanted?) in variants {
      if isWanted {
        declined.subtract(feature)
        required.formUnion(feature)
      } else {
        declined.formUnion(feature)
      }
    }
  }
}

extension StageError {
  /// A device's error as that of the stage, which is named once.
  fileprivate init(_ stage: String, _ error: VirtioError) {
    let text = error.description
    let name = stage + ": "
    self.init(stage, text.hasPrefix(name) ? String(text.dropFirst(name.count)) : text, errno: error.errno)
  }
}
