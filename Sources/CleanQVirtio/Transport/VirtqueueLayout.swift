/// Where a virtqueue lies, in the addresses that the device uses.
///
/// Source: [virtio 1.2 § 2.6 Virtqueues]. The areas are the descriptor table, the available and the used ring of a split
/// queue (§ 2.7); or the descriptor ring and the two event suppression structures of a packed one (§ 2.8). The memory is
/// zeroed and the device starts at index 0; in a packed queue with both wrap counters 1 (§ 2.8.1).
public struct VirtqueueLayout: Equatable, Sendable {
  /// How many descriptors the queue has: a power of two in a split queue, at most 32768.
  public var size: Int
  public var isPacked: Bool
  /// Descriptor Area.
  public var descriptorAddress: UInt64
  /// Driver Area: written by the driver.
  public var driverAddress: UInt64
  /// Device Area: written by the device.
  public var deviceAddress: UInt64

  public init(
    size: Int, isPacked: Bool, descriptorAddress: UInt64, driverAddress: UInt64, deviceAddress: UInt64
  ) {
    self.size = size
    self.isPacked = isPacked
    self.descriptorAddress = descriptorAddress
    self.driverAddress = driverAddress
    self.deviceAddress = deviceAddress
  }
}
