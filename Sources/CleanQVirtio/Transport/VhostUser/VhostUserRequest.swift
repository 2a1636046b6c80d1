/// What a front end asks of a back end. Source: [vhost-user, "Front-end message types"].
enum VhostUserRequest: UInt32, Sendable {
  case getFeatures = 1
  case setFeatures = 2
  case setOwner = 3
  case setMemoryTable = 5
  case setVringNumber = 8
  case setVringAddress = 9
  case setVringBase = 10
  case getVringBase = 11
  case setVringKick = 12
  case setVringCall = 13
  case setVringError = 14
  case getProtocolFeatures = 15
  case setProtocolFeatures = 16
  case getQueueNumber = 17
  case setVringEnable = 18
  case getConfiguration = 24
  case getMaximumMemorySlots = 36
  case addMemoryRegion = 37
  case removeMemoryRegion = 38
  case setStatus = 39
  case getStatus = 40
}

extension VhostUserRequest: CustomStringConvertible {
  /// The name in the protocol's text: `SET_MEM_TABLE`.
  var description: String {
    switch self {
    case .getFeatures: "GET_FEATURES"
    case .setFeatures: "SET_FEATURES"
    case .setOwner: "SET_OWNER"
    case .setMemoryTable: "SET_MEM_TABLE"
    case .setVringNumber: "SET_VRING_NUM"
    case .setVringAddress: "SET_VRING_ADDR"
    case .setVringBase: "SET_VRING_BASE"
    case .getVringBase: "GET_VRING_BASE"
    case .setVringKick: "SET_VRING_KICK"
    case .setVringCall: "SET_VRING_CALL"
    case .setVringError: "SET_VRING_ERR"
    case .getProtocolFeatures: "GET_PROTOCOL_FEATURES"
    case .setProtocolFeatures: "SET_PROTOCOL_FEATURES"
    case .getQueueNumber: "GET_QUEUE_NUM"
    case .setVringEnable: "SET_VRING_ENABLE"
    case .getConfiguration: "GET_CONFIG"
    case .getMaximumMemorySlots: "GET_MAX_MEM_SLOTS"
    case .addMemoryRegion: "ADD_MEM_REG"
    case .removeMemoryRegion: "REM_MEM_REG"
    case .setStatus: "SET_STATUS"
    case .getStatus: "GET_STATUS"
    }
  }
}

/// Extensions of the protocol. Source: [vhost-user, "Protocol features"].
struct VhostUserProtocolFeatures: OptionSet, Sendable {
  var rawValue: UInt64

  /// Several queue pairs.
  static let multiqueue = VhostUserProtocolFeatures(rawValue: 1 << 0)
  /// Every request can be acknowledged.
  static let replyAcknowledge = VhostUserProtocolFeatures(rawValue: 1 << 3)
  /// The device configuration can be read.
  static let configuration = VhostUserProtocolFeatures(rawValue: 1 << 9)
  /// Regions come and go one by one.
  static let memorySlots = VhostUserProtocolFeatures(rawValue: 1 << 15)
  /// The device status of virtio is passed on.
  static let status = VhostUserProtocolFeatures(rawValue: 1 << 16)

  /// What this front end understands.
  static let known: VhostUserProtocolFeatures = [
    .multiqueue, .replyAcknowledge, .configuration, .memorySlots, .status,
  ]
}
