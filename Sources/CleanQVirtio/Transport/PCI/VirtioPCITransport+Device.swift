internal import CPlatform
internal import CleanQ
internal import CleanQVFIO
internal import Glibc
internal import Synchronization

extension VirtioPCITransport {
  /// How long a device may take to reset itself, or one of its queues.
  private static let resetNanoseconds: UInt64 = 1_000_000_000

  /// Source: [virtio 1.2 § 4.1.4.3.2]: the driver writes 0 and waits until it reads 0.
  public func reset() throws(VirtioError) {
    try state.withLock { state throws(VirtioError) in
      state.accepted = []
      common.write8(CommonRegister.deviceStatus, 0)
      try wait("to reset itself") { common.read8(CommonRegister.deviceStatus) == 0 }
    }
  }

  /// Waits for the device; one that has been pulled out reads as all ones, and has let go of everything.
  private func wait(_ what: String, until condition: () -> Bool) throws(VirtioError) {
    let start = cplatform_monotonic_nanoseconds()
    while !condition() {
      if common.read32(CommonRegister.deviceFeatureSelect) == .max { return presence.vanish() }
      guard cplatform_monotonic_nanoseconds() &- start < Self.resetNanoseconds else {
        throw VirtioError(.broken, context: "\(name): the device takes longer than a second \(what)")
      }
      usleep(100)
    }
  }

  public func status() throws(VirtioError) -> VirtioStatus {
    VirtioStatus(rawValue: common.read8(CommonRegister.deviceStatus))
  }

  public func setStatus(_ bits: VirtioStatus) throws(VirtioError) {
    state.withLock { _ in addStatus(bits) }
  }

  private func addStatus(_ bits: VirtioStatus) {
    common.write8(CommonRegister.deviceStatus, common.read8(CommonRegister.deviceStatus) | bits.rawValue)
  }

  /// ORDER_PLATFORM is left out where the processor would need other barriers for a device than for another processor.
  public func offeredFeatures() throws(VirtioError) -> VirtioFeatures {
    let offered = state.withLock { _ in
      // Two windows of 32 bits. § 4.1.4.3
      (0..<2).reduce(into: UInt64(0)) { bits, window in
        common.write32(CommonRegister.deviceFeatureSelect, UInt32(window))
        bits |= UInt64(common.read32(CommonRegister.deviceFeature)) << UInt64(32 * window)
      }
    }
    #if arch(x86_64)
      return VirtioFeatures(rawValue: offered)
    #else
      return VirtioFeatures(rawValue: offered).subtracting(.orderPlatform)
    #endif
  }

  /// § 3.1.1, steps 4 to 6.
  public func acceptFeatures(_ features: VirtioFeatures) throws(VirtioError) {
    let isAgreed = state.withLock { state in
      for window in 0..<2 {
        common.write32(CommonRegister.driverFeatureSelect, UInt32(window))
        common.write32(
          CommonRegister.driverFeature, UInt32(truncatingIfNeeded: features.rawValue >> UInt64(32 * window)))
      }
      addStatus(.featuresOK)
      let status = VirtioStatus(rawValue: common.read8(CommonRegister.deviceStatus))
      if status.contains(.featuresOK) { state.accepted = features }
      return status.contains(.featuresOK)
    }
    guard isAgreed else { throw VirtioError(.featuresRefused(features), context: name) }
  }

  /// § 4.1.4.3.1: bytes belong together where the generation is the same before and after. § 4.1.3.1: a field of two or four
  /// bytes is read as one.
  public func readConfiguration(offset: Int, byteCount: Int) throws(VirtioError) -> [UInt8]? {
    guard let configuration, offset >= 0, byteCount > 0, offset <= configuration.byteCount - byteCount else {
      return nil
    }
    return try state.withLock { _ throws(VirtioError) in
      for _ in 0..<100 {
        let generation = common.read8(CommonRegister.configurationGeneration)
        let bytes = Self.read(configuration, offset, byteCount)
        if common.read8(CommonRegister.configurationGeneration) == generation { return bytes }
      }
      throw VirtioError(.broken, context: "\(name): the device's configuration never comes to rest")
    }
  }

  private static func read(_ registers: Registers, _ offset: Int, _ byteCount: Int) -> [UInt8] {
    if byteCount == 2, offset % 2 == 0 {
      let value = registers.read16(offset)
      return [UInt8(truncatingIfNeeded: value), UInt8(truncatingIfNeeded: value >> 8)]
    }
    if byteCount == 4, offset % 4 == 0 {
      let value = registers.read32(offset)
      return (0..<4).map { UInt8(truncatingIfNeeded: value >> UInt32(8 * $0)) }
    }
    return (0..<byteCount).map { registers.read8(offset + $0) }
  }

  /// Ends one queue's use. Source: [virtio 1.2 § 4.1.4.3.2], queue_reset: written 1, reads 0 when the reset is done.
  public func stopQueue(_ index: Int) throws(VirtioError) {
    try state.withLock { state throws(VirtioError) in
      guard state.accepted.contains(.ringReset), common.byteCount >= CommonRegister.queueReset + 2 else {
        throw VirtioError(.unsupported, context: "\(name): the device resets as a whole only")
      }
      common.write16(CommonRegister.queueSelect, UInt16(truncatingIfNeeded: index))
      common.write16(CommonRegister.queueReset, 1)
      try wait("to reset queue \(index)") { common.read16(CommonRegister.queueReset) == 0 }
    }
  }
}
