/// How far driver and device have come. Source: [virtio 1.2 § 2.1 Device Status Field].
@frozen
public struct VirtioStatus: OptionSet, Hashable, Sendable, BitwiseCopyable {
  public var rawValue: UInt8

  @inlinable
  public init(rawValue: UInt8) { self.rawValue = rawValue }

  /// The device was found and recognised.
  @inlinable public static var acknowledge: VirtioStatus { VirtioStatus(rawValue: 1) }
  /// There is a driver for it.
  @inlinable public static var driver: VirtioStatus { VirtioStatus(rawValue: 2) }
  /// The driver is set up and the device may use the queues.
  @inlinable public static var driverOK: VirtioStatus { VirtioStatus(rawValue: 4) }
  /// The features that the driver accepted are agreed on.
  @inlinable public static var featuresOK: VirtioStatus { VirtioStatus(rawValue: 8) }
  /// The device has met an error from which only a reset helps.
  @inlinable public static var needsReset: VirtioStatus { VirtioStatus(rawValue: 64) }
  /// The driver has given up on the device.
  @inlinable public static var failed: VirtioStatus { VirtioStatus(rawValue: 128) }
}
