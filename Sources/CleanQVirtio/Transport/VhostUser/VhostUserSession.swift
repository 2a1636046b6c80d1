internal import CleanQ

/// One connection from its first message to its end: what was agreed on, and the requests.
///
/// Confined to the holder of the lock of the ``VhostUserLink``.
final class VhostUserSession: Sendable {
  /// Bit 30 of the features, which no virtio device uses: protocol features can be agreed on.
  static let protocolFeaturesBit: UInt64 = 1 << 30

  let socket: VhostUserSocket
  /// Which connection of the link this is, from 1.
  let number: UInt64
  /// All 64 bits that the back end offers.
  let features: UInt64
  let protocolFeatures: VhostUserProtocolFeatures
  /// How many queue pairs there can be.
  let queuePairLimit: Int
  /// How many regions the back end can map.
  let memorySlotCount: Int

  /// Source: [vhost-user, "Multiple queue support", "Memory regions description"]: without an extension, eight regions.
  static let standardSlotCount = 8

  /// Makes acquaintance. Source: [vhost-user, "Communication"].
  init(_ socket: VhostUserSocket, number: UInt64) throws(VhostUserFault) {
    self.socket = socket
    self.number = number
    let features = try Self.value(socket, .getFeatures)
    var agreed: VhostUserProtocolFeatures = []
    if features & Self.protocolFeaturesBit != 0 {
      agreed = VhostUserProtocolFeatures(rawValue: try Self.value(socket, .getProtocolFeatures))
        .intersection(.known)
      try socket.send(VhostUserMessage(.setProtocolFeatures, value: agreed.rawValue), needsReply: false)
    }
    self.features = features
    protocolFeatures = agreed
    try socket.send(VhostUserMessage(request: .setOwner), needsReply: false)
    let pairs = agreed.contains(.multiqueue) ? try Self.value(socket, .getQueueNumber) : 1
    queuePairLimit = Int(clamping: min(pairs, 256))
    let slots = agreed.contains(.memorySlots) ? try Self.value(socket, .getMaximumMemorySlots) : 8
    memorySlotCount = agreed.contains(.memorySlots) ? Int(clamping: min(slots, 4096)) : Self.standardSlotCount
  }

  private static func value(
    _ socket: VhostUserSocket, _ request: VhostUserRequest
  ) throws(VhostUserFault) -> UInt64 {
    try socket.send(VhostUserMessage(request: request), needsReply: false)
    return try VhostUserReply.value(socket.receive(request, sizes: 8...8))
  }

  /// Asks for a single number.
  func value(_ request: VhostUserRequest) throws(VhostUserFault) -> UInt64 { try Self.value(socket, request) }

  /// Sends a request and sees to it that the back end has carried it out when this returns.
  func order(_ message: VhostUserMessage) throws(VhostUserFault) {
    guard protocolFeatures.contains(.replyAcknowledge) else {
      try socket.send(message, needsReply: false)
      // Requests are answered in their order: with this answer, the one before is done.
      _ = try value(.getFeatures)
      return
    }
    try socket.send(message, needsReply: true)
    let code = try VhostUserReply.value(socket.receive(message.request, sizes: 8...8))
    guard code == 0 else { throw .refused(code) }
  }

  /// Takes a vring back: when the answer is there, the back end has stopped it.
  ///
  /// - Returns: where it had come to.
  @discardableResult
  func stopVring(_ index: Int) throws(VhostUserFault) -> UInt32 {
    let request = VhostUserRequest.getVringBase
    try socket.send(VhostUserMessage(request, vring: index, number: 0), needsReply: false)
    return try VhostUserReply.number(socket.receive(request, sizes: 8...8), ofVring: index)
  }

  /// Reads part of the device configuration; nil where the back end has none there.
  func configuration(offset: Int, byteCount: Int) throws(VhostUserFault) -> [UInt8]? {
    guard protocolFeatures.contains(.configuration) else { return nil }
    try socket.send(VhostUserMessage(configurationOffset: offset, byteCount: byteCount), needsReply: false)
    let payload = try socket.receive(.getConfiguration, sizes: 0...(12 + byteCount))
    return try VhostUserReply.configuration(payload, offset: offset, byteCount: byteCount)
  }
}
