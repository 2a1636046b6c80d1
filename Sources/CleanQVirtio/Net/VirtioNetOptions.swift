public import CleanQWire

/// What a user asks of a virtio network device.
public struct VirtioNetOptions: Sendable {
  /// Features that are declined even if the device offers them.
  ///
  /// Mergeable buffers are declined unless asked for: buffers are long enough for the longest packet, so merging would buy
  /// nothing and cost the device a look at each buffer.
  public var declined: VirtioFeatures = .mergeableReceiveBuffers
  /// Features without which the device is not wanted.
  public var required: VirtioFeatures = []
  /// The most descriptors of a receive queue and of a transmit queue: powers of two, 2 ... 32768.
  public var receiveQueueSize = 256
  public var transmitQueueSize = 256
  /// The address to use; nil for the device's own, or, where it has none, one that is made up.
  public var macAddress: MACAddress?
  /// Whether frames for other addresses are wanted. They are: layers choose addresses of their own.
  public var isPromiscuous = true

  public init() {}

  /// Room for the longest ring.
  var ringByteCount: Int { VirtqueueArea.byteCount(size: max(receiveQueueSize, transmitQueueSize)) }
}
