internal import CleanQ

/// The two queues of one pair, of one kind of ring.
///
/// Source: [virtio 1.2 § 5.1.2 Virtqueues]: receiveq is 2n, transmitq is 2n + 1.
struct VirtioNetPair<Ring: VirtqueueRing>: ~Copyable, Sendable {
  var receiving: Virtqueue<Ring>
  var transmitting: Virtqueue<Ring>
  var receiver: VirtioNetReceiver
  let receiveNotifier: VirtqueueNotifier
  let transmitNotifier: VirtqueueNotifier

  /// Makes both queues and gives them to the device.
  init(_ device: VirtioNetDevice, index: Int, _ features: VirtioFeatures) throws(VirtioError) {
    let transport = device.transport
    let receiving = try Self.queue(device, 2 * index, features, isWritable: true)
    let transmitting = try Self.queue(device, 2 * index + 1, features, isWritable: false)
    let receiveNotifier = try transport.startQueue(2 * index, receiving.area.layout)
    let transmitNotifier = try transport.startQueue(2 * index + 1, transmitting.area.layout)
    receiver = VirtioNetReceiver(features, ringSize: receiving.settings.size)
    self.receiving = receiving
    self.transmitting = transmitting
    self.receiveNotifier = receiveNotifier
    self.transmitNotifier = transmitNotifier
  }

  private static func queue(
    _ device: VirtioNetDevice, _ index: Int, _ features: VirtioFeatures, isWritable: Bool
  ) throws(VirtioError) -> Virtqueue<Ring> {
    let limit = isWritable ? device.options.receiveQueueSize : device.options.transmitQueueSize
    let most = min(limit, try device.transport.maximumQueueSize(index), 32_768)
    guard most >= 2 else {
      throw VirtioError(
        .queues, context: "\(device.transport.name): the device has no virtqueue \(index); ask for fewer queues")
    }
    // A power of two, as a split queue must be; a packed one need not, and gains nothing from another size.
    let size = 1 << (Int.bitWidth - 1 - most.leadingZeroBitCount)
    return try Virtqueue(
      device.rings, slotByteCount: device.options.ringByteCount,
      VirtqueueSettings(
        size: size, isWritable: isWritable, usesEventIndex: features.contains(.eventIndex),
        isInOrder: features.contains(.inOrder)))
  }

  @inline(__always)
  mutating func receive(into burst: inout Burst, _ map: borrowing DeviceMap, _ counters: inout VirtioNetCounters) {
    receiving.reapFilled(into: &receiver.stage)
    receiver.examine(&counters)
    if !receiver.dropped.isEmpty { _ = receiving.postEmpty(&receiver.dropped, map) }
    receiver.give(to: &burst, &counters)
  }

  mutating func notify() {
    receiving.notify(receiveNotifier)
    transmitting.notify(transmitNotifier)
  }

  /// Asks the device for notifications of what it receives and has sent.
  mutating func enableCalls(receives: Bool) {
    if receives { receiving.enableCalls() }
    transmitting.enableCalls()
  }

  mutating func disableCalls() {
    receiving.disableCalls()
    transmitting.disableCalls()
  }

  /// Whether there is something to receive or complete.
  mutating func hasWork() -> Bool {
    receiver.hasPackets || receiving.hasUsed() || transmitting.hasUsed() || !transmitting.parting.isEmpty
  }

  @inline(__always)
  mutating func isBrokenInPlace() -> Bool { receiving.isBroken || transmitting.isBroken }

  var faults: VirtqueueFaults {
    var all = receiving.faults
    all.add(transmitting.faults)
    return all
  }

  var kickCount: UInt64 { receiving.kickCount &+ transmitting.kickCount }

  func add(to accounts: inout BufferAccounts) {
    receiving.add(to: &accounts)
    transmitting.add(to: &accounts)
    accounts.addInFlight(receiver.stage)
    accounts.addInFlight(receiver.dropped)
  }

  func byteCount(of region: RegionID) -> Int {
    receiving.byteCount(of: region) + transmitting.byteCount(of: region) + receiver.stage.byteCount(of: region)
      + receiver.dropped.byteCount(of: region)
  }

  /// Takes everything back from a device that has let go: empty buffers, and those of packets that may or may not be sent.
  mutating func takeAll(freeBuffers: (consuming Buffer) -> Void, sent: (consuming Buffer) -> Void) {
    while let buffer = receiver.stage.popFirst() { freeBuffers(buffer) }
    while let buffer = receiver.dropped.popFirst() { freeBuffers(buffer) }
    receiving.takeAll(freeBuffers)
    transmitting.takeAll(sent)
  }
}

extension VirtioNetSession {
  // Each of these asks the pair that is there.

  /// Whether the device has lied beyond repair. Mutating, though nothing changes: looked at in place, not in a copy.
  @inline(__always)
  mutating func isBroken() -> Bool { split?.isBrokenInPlace() ?? packed?.isBrokenInPlace() ?? false }

  func byteCount(of region: RegionID) -> Int {
    var sum = 0
    switch split {
    case .some(let pair): sum += pair.byteCount(of: region)
    case .none: break
    }
    switch packed {
    case .some(let pair): sum += pair.byteCount(of: region)
    case .none: break
    }
    return sum
  }

  func add(to accounts: inout BufferAccounts) {
    switch split {
    case .some(let pair): pair.add(to: &accounts)
    case .none: break
    }
    switch packed {
    case .some(let pair): pair.add(to: &accounts)
    case .none: break
    }
  }

  func add(to faults: inout VirtqueueFaults, _ kickCount: inout UInt64) {
    switch split {
    case .some(let pair):
      faults.add(pair.faults)
      kickCount &+= pair.kickCount
    case .none: break
    }
    switch packed {
    case .some(let pair):
      faults.add(pair.faults)
      kickCount &+= pair.kickCount
    case .none: break
    }
  }
}
