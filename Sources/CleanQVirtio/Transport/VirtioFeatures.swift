/// Feature bits: what a device offers and a driver accepts. 64 of them, one namespace for ring, transport and device type.
///
/// Source: [virtio 1.2 § 2.2 Feature Bits]; network bits from § 5.1.3, the others from § 6.
@frozen
public struct VirtioFeatures: OptionSet, Hashable, Sendable, BitwiseCopyable {
  public var rawValue: UInt64

  @inlinable
  public init(rawValue: UInt64) { self.rawValue = rawValue }

  private init(bit: UInt64) { rawValue = 1 << bit }

  // MARK: Network device, § 5.1.3

  /// The device completes checksums of packets that the driver sends. § 5.1.6.2
  public static let checksum = VirtioFeatures(bit: 0)
  /// The driver takes packets whose checksum is not complete. § 5.1.6.4
  public static let guestChecksum = VirtioFeatures(bit: 1)
  /// Receive offloads can be changed by the control queue. § 5.1.6.5.6
  public static let controlGuestOffloads = VirtioFeatures(bit: 2)
  /// The device states the largest MTU. § 5.1.4
  public static let mtu = VirtioFeatures(bit: 3)
  /// The device states its MAC address. § 5.1.4
  public static let mac = VirtioFeatures(bit: 5)
  public static let guestTSO4 = VirtioFeatures(bit: 7)
  public static let guestTSO6 = VirtioFeatures(bit: 8)
  public static let guestECN = VirtioFeatures(bit: 9)
  public static let guestUFO = VirtioFeatures(bit: 10)
  public static let hostTSO4 = VirtioFeatures(bit: 11)
  public static let hostTSO6 = VirtioFeatures(bit: 12)
  public static let hostECN = VirtioFeatures(bit: 13)
  public static let hostUFO = VirtioFeatures(bit: 14)
  /// A received packet may be spread over several buffers. § 5.1.6.4
  public static let mergeableReceiveBuffers = VirtioFeatures(bit: 15)
  /// The device states whether the link is up. § 5.1.4
  public static let status = VirtioFeatures(bit: 16)
  /// There is a control queue. § 5.1.6.5
  public static let controlQueue = VirtioFeatures(bit: 17)
  /// The control queue sets the receive mode. § 5.1.6.5.1
  public static let controlReceiveMode = VirtioFeatures(bit: 18)
  public static let controlVLAN = VirtioFeatures(bit: 19)
  public static let controlReceiveModeExtra = VirtioFeatures(bit: 20)
  public static let guestAnnounce = VirtioFeatures(bit: 21)
  /// Several queue pairs, chosen by the device. § 5.1.6.5.5
  public static let multiqueue = VirtioFeatures(bit: 22)
  /// The control queue sets the MAC address. § 5.1.6.5.2
  public static let controlMACAddress = VirtioFeatures(bit: 23)
  public static let notificationCoalescing = VirtioFeatures(bit: 53)
  public static let guestUSO4 = VirtioFeatures(bit: 54)
  public static let guestUSO6 = VirtioFeatures(bit: 55)
  public static let hostUSO = VirtioFeatures(bit: 56)
  /// The header of a received packet carries its hash. § 5.1.6.4.3
  public static let hashReport = VirtioFeatures(bit: 57)
  public static let guestHeaderLength = VirtioFeatures(bit: 59)
  /// Receive-side scaling by a key and a table. § 5.1.6.5.7
  public static let receiveSideScaling = VirtioFeatures(bit: 60)
  public static let receiveCoalescing = VirtioFeatures(bit: 61)
  public static let standby = VirtioFeatures(bit: 62)
  public static let speedDuplex = VirtioFeatures(bit: 63)

  // MARK: Every device, § 6

  /// Legacy: notify when the queue runs empty. § 6.3
  public static let notifyOnEmpty = VirtioFeatures(bit: 24)
  /// Legacy: a header and what follows it may share a descriptor; implied by ``version1``. § 6.3
  public static let anyLayout = VirtioFeatures(bit: 27)
  /// Descriptors may point at tables of descriptors. § 2.7.5.3, § 2.8.7
  public static let indirectDescriptors = VirtioFeatures(bit: 28)
  /// Each side says at which index it wants to be notified. § 2.7.7, § 2.7.10, § 2.8.10
  public static let eventIndex = VirtioFeatures(bit: 29)
  /// Virtio 1.0 and later; without it the device is a legacy one. § 6
  public static let version1 = VirtioFeatures(bit: 32)
  /// Addresses are translated by the platform: an IOMMU stands between. § 6
  public static let accessPlatform = VirtioFeatures(bit: 33)
  /// Packed virtqueues. § 2.8
  public static let ringPacked = VirtioFeatures(bit: 34)
  /// The device uses buffers in the order in which they were made available. § 2.7.9, § 2.8.9
  public static let inOrder = VirtioFeatures(bit: 35)
  /// Memory accesses are ordered as between the processor and a device, not as between processors. § 6
  public static let orderPlatform = VirtioFeatures(bit: 36)
  public static let singleRootIOVirtualization = VirtioFeatures(bit: 37)
  /// A notification carries the next index. § 2.9
  public static let notificationData = VirtioFeatures(bit: 38)
  public static let notificationConfigurationData = VirtioFeatures(bit: 39)
  /// One queue can be reset alone. § 2.6.1
  public static let ringReset = VirtioFeatures(bit: 40)
}

extension VirtioFeatures: CustomStringConvertible {
  /// The names of the specification, by bit.
  private static let names: [UInt64: String] = [
    0: "NET_F_CSUM", 1: "NET_F_GUEST_CSUM", 2: "NET_F_CTRL_GUEST_OFFLOADS", 3: "NET_F_MTU", 5: "NET_F_MAC",
    7: "NET_F_GUEST_TSO4", 8: "NET_F_GUEST_TSO6", 9: "NET_F_GUEST_ECN", 10: "NET_F_GUEST_UFO",
    11: "NET_F_HOST_TSO4", 12: "NET_F_HOST_TSO6", 13: "NET_F_HOST_ECN", 14: "NET_F_HOST_UFO",
    15: "NET_F_MRG_RXBUF", 16: "NET_F_STATUS", 17: "NET_F_CTRL_VQ", 18: "NET_F_CTRL_RX", 19: "NET_F_CTRL_VLAN",
    20: "NET_F_CTRL_RX_EXTRA", 21: "NET_F_GUEST_ANNOUNCE", 22: "NET_F_MQ", 23: "NET_F_CTRL_MAC_ADDR",
    24: "F_NOTIFY_ON_EMPTY", 27: "F_ANY_LAYOUT", 28: "F_INDIRECT_DESC", 29: "F_EVENT_IDX", 32: "F_VERSION_1",
    33: "F_ACCESS_PLATFORM", 34: "F_RING_PACKED", 35: "F_IN_ORDER", 36: "F_ORDER_PLATFORM", 37: "F_SR_IOV",
    38: "F_NOTIFICATION_DATA", 39: "F_NOTIF_CONFIG_DATA", 40: "F_RING_RESET", 53: "NET_F_NOTF_COAL",
    54: "NET_F_GUEST_USO4", 55: "NET_F_GUEST_USO6", 56: "NET_F_HOST_USO", 57: "NET_F_HASH_REPORT",
    59: "NET_F_GUEST_HDRLEN", 60: "NET_F_RSS", 61: "NET_F_RSC_EXT", 62: "NET_F_STANDBY", 63: "NET_F_SPEED_DUPLEX",
  ]

  /// The names of the specification, `VIRTIO_` left off, in order of their bits: `NET_F_MAC, F_VERSION_1`.
  public var description: String {
    (0..<UInt64(64)).filter { rawValue & 1 << $0 != 0 }.map { Self.names[$0] ?? "bit \($0)" }
      .joined(separator: ", ")
  }
}
