internal import CleanQVFIO

/// Where a virtio function keeps its registers, from the vendor-specific capabilities of its configuration space.
///
/// Source: [virtio 1.2 § 4.1.4 Virtio Structure PCI Capabilities]. The function is not trusted: what is said here is held
/// against the BARs before it is used.
struct VirtioPCIStructures: Equatable {
  /// A run of bytes in a BAR.
  struct Place: Equatable {
    var bar: Int
    var offset: UInt64
    var byteCount: UInt64
  }

  /// § 4.1.4.3
  var common: Place
  /// § 4.1.4.4
  var notification: Place
  /// What a queue's notify offset is multiplied by.
  var notifyMultiplier: UInt64
  /// § 4.1.4.6; nil for a device that has no configuration.
  var device: Place?

  /// Reads the capabilities.
  ///
  /// - Parameter bytes: the first 256 bytes of the configuration space.
  /// - Returns: nil where the common configuration or the notifications are missing: a legacy device, or a broken one.
  init?(_ bytes: [UInt8]) {
    var places: [UInt8: (place: Place, offset: Int)] = [:]
    for capability in PCICapability.all(in: bytes) where capability.id == PCICapability.vendorSpecific {
      // struct virtio_pci_cap: vndr, next, len, cfg_type, bar, id, padding, offset, length.
      let start = capability.offset
      guard start + 16 <= bytes.count, bytes[start + 2] >= 16 else { continue }
      let kind = bytes[start + 3]
      let place = Place(
        bar: Int(bytes[start + 4]), offset: UInt64(Self.word(bytes, start + 8)),
        byteCount: UInt64(Self.word(bytes, start + 12)))
      // The first of its kind counts; one in a BAR that cannot be is none. § 4.1.4.1
      guard place.bar <= 5, place.offset % 4 == 0, places[kind] == nil else { continue }
      places[kind] = (place, start)
    }
    guard let common = places[Self.commonKind], let notification = places[Self.notifyKind],
      common.place.byteCount >= Self.commonByteCount, notification.offset + 20 <= bytes.count
    else { return nil }
    self.common = common.place
    self.notification = notification.place
    notifyMultiplier = UInt64(Self.word(bytes, notification.offset + 16))
    device = places[Self.deviceKind]?.place
  }

  private static let commonKind: UInt8 = 1
  private static let notifyKind: UInt8 = 2
  private static let deviceKind: UInt8 = 4
  /// As far as every device of virtio 1.0 has it: up to queue_device.
  private static let commonByteCount: UInt64 = 56

  private static func word(_ bytes: [UInt8], _ offset: Int) -> UInt32 {
    (0..<4).reduce(0) { $0 | UInt32(bytes[offset + $1]) << UInt32(8 * $1) }
  }
}

/// Offsets in the common configuration. Source: [virtio 1.2 § 4.1.4.3], `struct virtio_pci_common_cfg`.
enum CommonRegister {
  static let deviceFeatureSelect = 0
  static let deviceFeature = 4
  static let driverFeatureSelect = 8
  static let driverFeature = 12
  static let configurationVector = 16
  static let queueCount = 18
  static let deviceStatus = 20
  static let configurationGeneration = 21
  static let queueSelect = 22
  static let queueSize = 24
  static let queueVector = 26
  static let queueEnable = 28
  static let queueNotifyOffset = 30
  static let queueDescriptors = 32
  static let queueDriver = 40
  static let queueDevice = 48
  /// Behind what every device has; there with RING_RESET.
  static let queueReset = 58

  /// VIRTIO_MSI_NO_VECTOR: no interrupt; read back, it says that the device has no room for one. § 4.1.5.1.2
  static let noVector: UInt16 = 0xFFFF
}
