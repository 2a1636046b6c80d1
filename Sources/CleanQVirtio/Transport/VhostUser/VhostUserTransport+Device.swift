internal import CleanQ

extension VhostUserTransport {
  /// What a vhost-user front end answers for itself, or has no way of asking: the back end moves packets only.
  ///
  /// The control queue and what it commands ends in the front end. Source: [vhost-user, "Multiple queue support"]: queue
  /// pairs are enabled one by one. `F_LOG_ALL` (26) is for migration.
  private static let ownBusiness: VirtioFeatures = [
    .controlQueue, .controlReceiveMode, .controlReceiveModeExtra, .controlVLAN, .controlMACAddress,
    .controlGuestOffloads, .guestAnnounce, .receiveSideScaling, .accessPlatform,
    VirtioFeatures(rawValue: 1 << 26), VirtioFeatures(rawValue: VhostUserSession.protocolFeaturesBit),
  ]
  /// What stands in the device configuration, and cannot be known without it.
  private static let configured: VirtioFeatures = [.mac, .mtu, .status, .speedDuplex]

  /// Stops every vring; adopts the connection that there is. Source: [vhost-user, "Ring states"].
  ///
  /// A back end that does not stop them in a quarter of a second has its connection ended.
  public func reset() throws(VirtioError) { try onLink { transport throws(VirtioError) in transport.resetNow() } }

  private func resetNow() {
    state.withLock { state in
      let given = state.given.sorted()
      let known = state.session
      state.session = 0
      state.status = []
      state.layouts = [:]
      state.given = []
      do throws(VirtioError) {
        let number = try link.talk { session throws(VhostUserFault) in
          // A new back end has no vrings to stop, and its handshake goes on.
          guard session.number == known else { return session.number }
          session.socket.allow(milliseconds: VhostUserSocket.stopMilliseconds)
          try Self.stop(given, of: session)
          session.socket.allow(milliseconds: VhostUserSocket.handshakeMilliseconds)
          return session.number
        }
        state.session = number ?? 0
      } catch {
        // The connection has ended over this: the device is gone, and holds nothing.
      }
      if state.session != known { state.told = [:] }
    }
  }

  private static func stop(_ vrings: [Int], of session: VhostUserSession) throws(VhostUserFault) {
    for index in vrings { try session.stopVring(index) }
    if session.protocolFeatures.contains(.status) { try session.order(VhostUserMessage(.setStatus, value: 0)) }
  }

  public func status() throws(VirtioError) -> VirtioStatus {
    try onLink { transport throws(VirtioError) in
      try transport.state.withLock { state throws(VirtioError) in
        let own = state.status
        return try transport.talk(state) { session throws(VhostUserFault) in
          guard session.protocolFeatures.contains(.status) else { return own }
          return VirtioStatus(rawValue: UInt8(truncatingIfNeeded: try session.value(.getStatus)))
        }
      }
    }
  }

  public func setStatus(_ bits: VirtioStatus) throws(VirtioError) {
    try onLink { transport throws(VirtioError) in
      try transport.state.withLock { state throws(VirtioError) in try transport.setStatus(bits, &state) }
    }
  }

  private func setStatus(_ bits: VirtioStatus, _ state: inout State) throws(VirtioError) {
    let status = state.status.union(bits)
    let starts = status.contains(.driverOK) && !state.isRunning
    if starts { try giveEverything(&state) }
    try talk(state) { session throws(VhostUserFault) in
      guard session.protocolFeatures.contains(.status) else { return }
      try session.order(VhostUserMessage(.setStatus, value: UInt64(status.rawValue)))
    }
    state.status = status
  }

  public func offeredFeatures() throws(VirtioError) -> VirtioFeatures {
    try onLink { transport throws(VirtioError) in
      try transport.state.withLock { state throws(VirtioError) in
        try transport.talk(state) { session throws(VhostUserFault) in
          var features = VirtioFeatures(rawValue: session.features).subtracting(Self.ownBusiness)
          if !session.protocolFeatures.contains(.configuration) { features.subtract(Self.configured) }
          if !session.protocolFeatures.contains(.multiqueue) { features.remove(.multiqueue) }
          return features
        }
      }
    }
  }

  public func acceptFeatures(_ features: VirtioFeatures) throws(VirtioError) {
    try onLink { transport throws(VirtioError) in try transport.acceptNow(features) }
  }

  private func acceptNow(_ features: VirtioFeatures) throws(VirtioError) {
    try state.withLock { state throws(VirtioError) in
      do throws(VirtioError) {
        try talk(state) { session throws(VhostUserFault) in
          // Without this bit vrings would be enabled from their first kick.
          let bits = features.rawValue | session.features & VhostUserSession.protocolFeaturesBit
          try session.order(VhostUserMessage(.setFeatures, value: bits))
        }
      } catch {
        if error.code == .refused { throw VirtioError(.featuresRefused(features), context: name) }
        throw error
      }
      try setStatus(.featuresOK, &state)
      // § 3.1.1 step 6: the device may have taken the bit away again.
      let isAgreed = try talk(state) { session throws(VhostUserFault) in
        guard session.protocolFeatures.contains(.status) else { return true }
        return VirtioStatus(rawValue: UInt8(truncatingIfNeeded: try session.value(.getStatus))).contains(.featuresOK)
      }
      if !isAgreed { throw VirtioError(.featuresRefused(features), context: name) }
    }
  }

  public func readConfiguration(offset: Int, byteCount: Int) throws(VirtioError) -> [UInt8]? {
    guard offset >= 0, byteCount > 0, offset + byteCount <= 256 else { return nil }
    return try onLink { transport throws(VirtioError) in
      try transport.state.withLock { state throws(VirtioError) in
        if state.isRunning { try transport.allow(milliseconds: VhostUserSocket.handshakeMilliseconds) }
        return try transport.talk(state) { session throws(VhostUserFault) in
          try session.configuration(offset: offset, byteCount: byteCount)
        }
      }
    }
  }

  public func queueLimit() throws(VirtioError) -> Int {
    try onLink { transport throws(VirtioError) in
      try transport.state.withLock { state throws(VirtioError) in
        let limit = try transport.talk(state) { session throws(VhostUserFault) in session.queuePairLimit }
        return min(2 * limit, transport.queueCount)
      }
    }
  }

  /// The back end is not asked: a size that it does not like it refuses. § 2.6: 32768 is the most.
  public func maximumQueueSize(_ index: Int) throws(VirtioError) -> Int { index < queueCount ? 32_768 : 0 }
}
