internal import CleanQWire

/// What the device says about itself, as far as the agreed features let it.
///
/// Source: [virtio 1.2 § 5.1.4 Device configuration layout].
struct VirtioNetConfiguration: Sendable {
  var macAddress: MACAddress?
  /// The longest packet behind an Ethernet header.
  var mtu = 1500
  var queuePairLimit = 1
  /// What `VIRTIO_NET_CTRL_MQ_RSS_CONFIG` may contain.
  var rssKeyLimit = 0
  var rssTableLimit = 0
  var hashTypes: UInt32 = 0

  /// - Throws: `broken` where the device states something impossible.
  init(_ transport: any VirtioTransport, _ features: VirtioFeatures) throws(VirtioError) {
    if features.contains(.mac), let bytes = try transport.readConfiguration(offset: 0, byteCount: 6) {
      macAddress = MACAddress(bytes.span, at: 0)
      guard macAddress?.isUnicast == true else {
        throw VirtioError(.broken, context: "\(transport.name): the device's address is a group's or zero; set one")
      }
    }
    if features.contains(.multiqueue), let limit = try Self.read16(transport, 8) {
      // § 5.1.4.1: 1 to 0x8000.
      guard limit >= 1, limit <= 0x8000 else {
        throw VirtioError(.broken, context: "\(transport.name): the device states \(limit) queue pairs")
      }
      queuePairLimit = limit
    } else if features.contains(.multiqueue) {
      queuePairLimit = max(1, try transport.queueLimit() / 2)
    }
    if features.contains(.mtu), let stated = try Self.read16(transport, 10) {
      // § 5.1.4.1: not less than what IPv4 needs.
      guard stated >= 68 else {
        throw VirtioError(.broken, context: "\(transport.name): the device states an MTU of \(stated)")
      }
      mtu = stated
    }
    if features.contains(.receiveSideScaling),
      let bytes = try transport.readConfiguration(offset: 17, byteCount: 7)
    {
      rssKeyLimit = Int(bytes[0])
      rssTableLimit = Int(bytes[1]) | Int(bytes[2]) << 8
      hashTypes = (0..<4).reduce(0) { $0 | UInt32(bytes[3 + $1]) << UInt32(8 * $1) }
    }
  }

  private static func read16(_ transport: any VirtioTransport, _ offset: Int) throws(VirtioError) -> Int? {
    guard let bytes = try transport.readConfiguration(offset: offset, byteCount: 2) else { return nil }
    return Int(bytes[0]) | Int(bytes[1]) << 8
  }
}
