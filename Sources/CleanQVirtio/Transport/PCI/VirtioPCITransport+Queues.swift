public import CleanQ
internal import CleanQVFIO
internal import Synchronization

extension VirtioPCITransport {
  /// Asked each time: some devices have further queue pairs only once MQ is accepted.
  public func queueLimit() throws(VirtioError) -> Int { Int(common.read16(CommonRegister.queueCount)) }

  /// A queue that is not there says 0. § 4.1.4.3
  public func maximumQueueSize(_ index: Int) throws(VirtioError) -> Int {
    guard (0..<0xFFFF).contains(index) else { return 0 }
    return state.withLock { _ in
      common.write16(CommonRegister.queueSelect, UInt16(index))
      return Int(common.read16(CommonRegister.queueSize))
    }
  }

  public func map(_ region: borrowing Region) throws(QueueError) -> UInt64 {
    do throws(VFIOError) {
      let address = try device.map(region)
      let id = region.id
      state.withLock { $0.mappings[id] = address }
      return address
    } catch {
      throw QueueError(.refused, context: error.message)
    }
  }

  public func unmap(_ region: RegionID) throws(QueueError) {
    guard let address = state.withLock({ $0.mappings.removeValue(forKey: region) }) else {
      throw QueueError(.notRegistered, context: "\(region)")
    }
    do throws(VFIOError) { try device.unmap(address) } catch {
      throw QueueError(.refused, context: error.message)
    }
  }

  /// Source: [virtio 1.2 § 4.1.5.1.3 Virtqueue Configuration].
  public func startQueue(_ index: Int, _ layout: VirtqueueLayout) throws(VirtioError) -> VirtqueueNotifier {
    guard (0..<0xFFFF).contains(index) else {
      throw VirtioError(.queues, context: "\(name): there is no virtqueue \(index)")
    }
    return try state.withLock { _ throws(VirtioError) in
      common.write16(CommonRegister.queueSelect, UInt16(index))
      let limit = common.read16(CommonRegister.queueSize)
      guard layout.size <= Int(limit) else {
        throw VirtioError(
          .queues, context: "\(name): virtqueue \(index) holds \(limit) descriptors, not \(layout.size)")
      }
      let notifier = try notifier(index)
      common.write16(CommonRegister.queueSize, UInt16(layout.size))
      try setVector(index)
      write(layout.descriptorAddress, to: CommonRegister.queueDescriptors)
      write(layout.driverAddress, to: CommonRegister.queueDriver)
      write(layout.deviceAddress, to: CommonRegister.queueDevice)
      common.write16(CommonRegister.queueEnable, 1)
      return notifier
    }
  }

  /// § 4.1.5.1.2: a device that has no room for one more vector says so when it is read back.
  private func setVector(_ index: Int) throws(VirtioError) {
    let vector = UInt16(index < ownVectorCount ? index + 1 : 0)
    common.write16(CommonRegister.configurationVector, 0)
    common.write16(CommonRegister.queueVector, vector)
    guard common.read16(CommonRegister.queueVector) == vector, common.read16(CommonRegister.configurationVector) == 0
    else {
      throw VirtioError(.broken, context: "\(name): the device refuses interrupt vector \(vector)")
    }
  }

  /// The register of the selected queue. Source: [virtio 1.2 § 4.1.4.4].
  private func notifier(_ index: Int) throws(VirtioError) -> VirtqueueNotifier {
    let offset = UInt64(common.read16(CommonRegister.queueNotifyOffset)) * notifyMultiplier
    guard offset % 2 == 0, let register = notification.part(offset: offset, byteCount: 2) else {
      throw VirtioError(.broken, context: "\(name): the device places a notification register outside its own")
    }
    return .register(address: register.address(of: 0), value: UInt16(index))
  }

  /// § 4.1.3.1: a field of 64 bits is written as two of 32.
  private func write(_ address: UInt64, to register: Int) {
    common.write32(register, UInt32(truncatingIfNeeded: address))
    common.write32(register + 4, UInt32(truncatingIfNeeded: address >> 32))
  }
}
