import CPlatform
import CleanQPlatform
import Glibc
import Synchronization

@testable import CleanQ
@testable import CleanQVirtio

/// A network device in memory, as a transport: it takes what is sent, and receives what a test gives it or, as a loopback,
/// what it took. Its addresses are not the process's, so whoever mixes them up is found out.
final class ModelDevice: VirtioTransport, @unchecked Sendable {
  let name = "model"
  let wantedBacking = RegionBacking.anonymous
  let presence = VirtioPresence()
  var requiredFeatures: VirtioFeatures = []
  var canComeBack = true

  var offered: VirtioFeatures
  var configuration: [UInt8]?
  var pairLimit = 1
  var queueSize = 64
  /// Whether one queue can be stopped alone.
  var stopsQueues = true
  /// Features that are offered and then not agreed to.
  var refused: VirtioFeatures = []
  /// What a command of the control queue is answered with.
  var answer: UInt8 = 0

  private(set) var accepted: VirtioFeatures = []
  private(set) var bits: VirtioStatus = []
  private(set) var queues: [Int: any ModelQueue] = [:]
  private(set) var resetCount = 0
  /// Commands that came over the control queue: class, command, data.
  private(set) var commands: [[UInt8]] = []
  private var regions: [RegionID: (device: UInt64, base: UInt, byteCount: Int)] = [:]
  private var files: [Int32]
  private var kicks: [Int32]
  private let writer: SharedEventWriter
  private var nextAddress: UInt64 = 0x1_0000_0000
  private let lock = NSLockLite()

  init(_ offered: VirtioFeatures = [.version1, .mac, .status, .mtu], queueSize: Int = 64) {
    self.offered = offered
    self.queueSize = queueSize
    files = (0..<16).map { _ in eventfd(0, Int32(EFD_NONBLOCK) | Int32(EFD_CLOEXEC)) }
    guard let writer = SharedEventWriter() else { preconditionFailure("no asynchronous I/O") }
    self.writer = writer
    kicks = (0..<16).map { _ in eventfd(0, Int32(EFD_NONBLOCK) | Int32(EFD_CLOEXEC)) }
    // Address 02:00:00:00:00:07, link up, one pair, MTU 1500; the rest for receive-side scaling.
    configuration = [2, 0, 0, 0, 0, 7, 1, 0, 1, 0, 0xDC, 5, 0, 0, 0, 0, 0, 40, 128, 0, 0x3F, 0, 0, 0]
  }

  deinit { for file in files + kicks { close(file) } }

  // MARK: The transport

  private var resetsAreHeld = false

  /// Lets resets fail until the result is called.
  func holdResets() -> () -> Void {
    resetsAreHeld = true
    return { self.resetsAreHeld = false }
  }

  func reset() throws(VirtioError) {
    if resetsAreHeld { throw VirtioError(.broken, context: name) }
    resetCount += 1
    lock.withLock { control = nil }
    queues = [:]
    bits = []
    accepted = []
  }

  func status() throws(VirtioError) -> VirtioStatus { bits }

  func setStatus(_ bits: VirtioStatus) throws(VirtioError) { self.bits.formUnion(bits) }

  func offeredFeatures() throws(VirtioError) -> VirtioFeatures { offered }

  func acceptFeatures(_ features: VirtioFeatures) throws(VirtioError) {
    precondition(features.isSubset(of: offered), "the driver accepted what was not offered")
    precondition(bits == [.acknowledge, .driver], "the driver agrees on features too early or too late")
    let bad = features.intersection(refused)
    guard bad.isEmpty else { throw VirtioError(.featuresRefused(bad), context: name) }
    accepted = features
    bits.insert(.featuresOK)
  }

  func readConfiguration(offset: Int, byteCount: Int) throws(VirtioError) -> [UInt8]? {
    guard let configuration, offset + byteCount <= configuration.count else { return nil }
    return Array(configuration[offset..<(offset + byteCount)])
  }

  func queueLimit() throws(VirtioError) -> Int { 2 * pairLimit + 1 }

  func maximumQueueSize(_ index: Int) throws(VirtioError) -> Int { index < 2 * pairLimit + 1 ? queueSize : 0 }

  func map(_ region: borrowing Region) throws(QueueError) -> UInt64 {
    precondition(regions[region.id] == nil, "a region is mapped twice")
    let byteCount = region.control.mapping.byteCount
    let address = nextAddress
    nextAddress += UInt64(byteCount) + 0x10_0000
    regions[region.id] = (address, unsafe UInt(bitPattern: region.control.mapping.base), byteCount)
    return address
  }

  func unmap(_ region: RegionID) throws(QueueError) {
    precondition(regions.removeValue(forKey: region) != nil, "a region is unmapped that was not mapped")
  }

  var mappedRegions: Set<RegionID> { Set(regions.keys) }

  func startQueue(_ index: Int, _ layout: VirtqueueLayout) throws(VirtioError) -> VirtqueueNotifier {
    precondition(bits.contains(.featuresOK), "a queue is started before features are agreed on")
    let size = layout.size
    precondition(layout.isPacked == accepted.contains(.ringPacked))
    // § 2.7, § 2.8: alignments.
    precondition(layout.descriptorAddress % 16 == 0 && layout.driverAddress % 2 == 0 && layout.deviceAddress % 4 == 0)
    let table = area(layout.descriptorAddress, 16 * size)
    let usesEventIndex = accepted.contains(.eventIndex)
    if layout.isPacked {
      queues[index] = ModelPackedQueue(
        size: size, ring: table, driver: area(layout.driverAddress, 4), device: area(layout.deviceAddress, 4),
        usesEventIndex: usesEventIndex)
    } else {
      queues[index] = ModelSplitQueue(
        size: size, table: table, driver: area(layout.driverAddress, 6 + 2 * size),
        device: area(layout.deviceAddress, 6 + 8 * size), usesEventIndex: usesEventIndex)
    }
    queues[index]?.setKicks(wanted: true)
    let control = accepted.contains(.multiqueue) ? 2 * pairLimit : 2
    if index == control { return notifier(startControl(index)) }
    return notifier(kicks[index])
  }

  private func notifier(_ file: Int32) -> VirtqueueNotifier {
    .eventFile(file, context: writer.context, source: writer.source)
  }

  func stopQueue(_ index: Int) throws(VirtioError) {
    guard stopsQueues else { throw VirtioError(.unsupported, context: name) }
    queues[index] = nil
  }

  func callFile(_ index: Int) -> Int32 { files[index] }

  // MARK: Memory

  private func area(_ address: UInt64, _ byteCount: Int) -> SharedArea {
    guard let pointer = unsafe pointer(address, byteCount) else {
      preconditionFailure("the driver named memory that is not mapped")
    }
    return unsafe SharedArea(base: pointer, byteCount: byteCount)
  }

  /// Where bytes are that the driver named; nil where they are not all mapped.
  func pointer(_ address: UInt64, _ byteCount: Int) -> UnsafeMutableRawPointer? {
    for region in regions.values where address >= region.device {
      let offset = address - region.device
      if offset <= UInt64(region.byteCount), byteCount <= region.byteCount - Int(offset) {
        return unsafe UnsafeMutableRawPointer(bitPattern: region.base + UInt(offset))
      }
    }
    return nil
  }

  // MARK: The control queue

  /// The control queue as it is now: a thread of an earlier one may be the first to hear a kick.
  private var control: (any ModelQueue)?

  /// Answers commands on a thread of its own, as a device does.
  private func startControl(_ index: Int) -> Int32 {
    let kick = kicks[index]
    lock.withLock { control = queues[index] }
    let thread = LittleThread { [weak self] in
      var entry = pollfd(fd: kick, events: Int16(POLLIN), revents: 0)
      while unsafe poll(&entry, 1, 2000) > 0 {
        var count: UInt64 = 0
        _ = unsafe Glibc.read(kick, &count, 8)
        guard let self else { return }
        self.lock.withLock {
          guard let queue = self.control else { return }
          while let chain = queue.take() { self.answerCommand(chain, queue) }
        }
      }
    }
    thread.start()
    return kick
  }

  private func answerCommand(_ chain: ModelChain, _ queue: any ModelQueue) {
    var bytes: [UInt8] = []
    for part in chain.parts where !part.isWritable {
      guard let pointer = unsafe pointer(part.address, part.byteCount) else { continue }
      for index in 0..<part.byteCount { unsafe bytes.append(pointer.load(fromByteOffset: index, as: UInt8.self)) }
    }
    commands.append(bytes)
    if let last = chain.parts.last, last.isWritable, let pointer = unsafe pointer(last.address, 1) {
      unsafe pointer.storeBytes(of: answer, as: UInt8.self)
    }
    queue.use(chain, byteCount: 1)
  }
}

/// Takes a queue to another thread, where it is used alone.
final class QueueBox: @unchecked Sendable {
  let queue: (any ModelQueue)?
  init(_ queue: (any ModelQueue)?) { self.queue = queue }
}

/// A lock for tests.
final class NSLockLite: @unchecked Sendable {
  private let mutex = Mutex(())
  func withLock<Result>(_ body: () -> Result) -> Result { mutex.withLock { _ in body() } }
}

/// A thread for tests.
final class LittleThread: @unchecked Sendable {
  private let body: @Sendable () -> Void
  private var thread = pthread_t()

  init(_ body: @escaping @Sendable () -> Void) { self.body = body }

  func start() {
    let context = unsafe Unmanaged.passRetained(self)
    unsafe pthread_create(
      &thread, nil,
      { argument in
        guard let argument = unsafe argument else { return nil }
        let this = unsafe Unmanaged<LittleThread>.fromOpaque(argument).takeRetainedValue()
        this.body()
        return nil
      }, unsafe context.toOpaque())
  }

  func join() { pthread_join(thread, nil) }
}
