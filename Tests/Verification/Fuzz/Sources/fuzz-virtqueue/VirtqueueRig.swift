import CleanQ
import FuzzSupport

@testable import CleanQVirtio

/// A port on a device of the fuzzer's. Whatever the device writes: no buffer is lost, none given twice, each is one that was
/// handed over, what is with the device is reached and nothing else, and a reset brings everything home.
struct VirtqueueRig: ~Copyable {
  static let bufferByteCount = 512
  static let bufferCount = 1024
  private static let queueSizes = [4, 8, 32, 64, 2, 16, 128, 256]

  private var region: Region
  private let device: FuzzDevice
  private var port: VirtioNetPort
  /// Which buffers were handed over, by where they begin, and whether as packets.
  private var away: [Int: Bool] = [:]
  private let headerByteCount = 12
  /// One such walk in each input: it takes a large part of a second.
  private var hasWalkedFar = false

  init(variant: UInt8) {
    var features: VirtioFeatures = [.version1, .mac, .status, .mtu]
    let choices: [VirtioFeatures] = [.ringPacked, .inOrder, .eventIndex, .mergeableReceiveBuffers, .guestChecksum]
    for (bit, feature) in choices.enumerated() where variant & 1 << UInt8(bit) != 0 { features.insert(feature) }
    var options = VirtioNetOptions()
    options.declined = []
    let device = FuzzDevice(features, queueSize: Self.queueSizes[Int(variant >> 5)])
    guard let port = try? VirtioNetPort(try VirtioNetDevice(device, options: options)) else {
      violated("a port can be set up")
    }
    self.device = device
    region = Self.makeRegion()
    self.port = port
    do throws(QueueError) { try self.port.register(region) } catch { violated("a region can be registered: \(error)") }
  }

  // MARK: Script

  /// Takes one step of the script.
  mutating func step(_ input: inout FuzzInput) {
    let operation = input.byte()
    let isSending = operation & 16 != 0
    let queue = device.queues[isSending ? 1 : 0]
    switch operation & 15 {
    case 0: fill(Int(input.byte() & 63), runLength: Int(operation >> 5) + 1)
    case 1: transmit(&input)
    case 2: receive()
    case 3: complete()
    case 4: work(queue, count: Int(operation >> 5) + 1, &input)
    case 5:
      queue?.useFalsely(id: input.number(), byteCount: input.number(), descriptorCount: 1 + Int(operation >> 5) % 2)
    case 6: queue?.useFalsely(id: UInt32(input.byte() & 63), byteCount: UInt32(input.byte()) * UInt32(operation >> 5))
    case 7: queue?.jump(by: input.number())
    case 8: queue?.scribble(area: Int(operation >> 5), word: Int(input.number(UInt16.self)), value: input.number())
    case 9: lookAndSleep()
    case 10: device.presence.vanish()
    case 11: comeBack(queueSize: Self.queueSizes[Int(operation >> 5)])
    case 12: device.presence.startOver()
    case 14: checkWakeUp(isLong: operation >> 5 == 7, &input)
    default: tryDeregister()
    }
    checkAccounts()
  }

  /// The device is there again, and is asked at once.
  private mutating func comeBack(queueSize: Int) {
    device.queueSize = queueSize
    device.presence.comeBack()
    port.nextAttempt = MonotonicTime(nanoseconds: 0)
  }

  private mutating func lookAndSleep() {
    port.notify()
    _ = port.arm()
    port.disarm()
  }

  private mutating func tryDeregister() {
    do throws(QueueError) { try port.deregister(region) } catch {
      return require(!away.isEmpty, "deregister is refused for a reason: \(error)")
    }
    require(away.isEmpty, "nothing is away that was deregistered")
    // Its name is dead here.
    region = Self.makeRegion()
    do throws(QueueError) { try port.register(region) } catch { violated("a region can be registered: \(error)") }
  }

  private static func makeRegion() -> Region {
    guard let region = try? Region(byteCount: bufferCount * bufferByteCount, pages: .ordinary) else {
      violated("there is memory")
    }
    return region
  }

  // MARK: User

  /// Free buffers in runs of so many buffers, of which the last may lack its end.
  private mutating func fill(_ count: Int, runLength: Int) {
    var burst = Burst()
    while burst.count < min(count, Burst.capacity), var buffer = region.buffer(byteCount: Self.bufferByteCount) {
      buffer.flags = (burst.count + 1) % runLength == 0 ? .last : []
      burst.append(buffer)
    }
    hand(&burst, asPackets: false) { port, burst in port.fill(&burst) }
  }

  /// Runs of buffers, with room for a header or without.
  private mutating func transmit(_ input: inout FuzzInput) {
    var burst = Burst()
    for _ in 0..<Int(input.byte() & 31) {
      guard var buffer = region.buffer(byteCount: Self.bufferByteCount) else { break }
      let shape = input.byte()
      let isSet = buffer.setValid(offset: shape & 1 == 0 ? 50 : Int(shape & 15), byteCount: Int(shape >> 4) * 20)
      require(isSet, "a valid part fits")
      buffer.flags = shape & 2 == 0 ? .last : []
      burst.append(buffer)
    }
    hand(&burst, asPackets: true) { port, burst in port.transmit(&burst) }
  }

  private mutating func hand(
    _ burst: inout Burst, asPackets: Bool, _ body: (inout VirtioNetPort, inout Burst) -> Refusal?
  ) {
    let offsets = (0..<burst.count).map { burst[$0].offset }
    let refusal = body(&port, &burst)
    let taken = offsets.count - burst.count
    require((refusal == nil) == burst.isEmpty, "what is refused has a reason: \(refusal.map { "\($0)" } ?? "none")")
    for index in 0..<burst.count { require(burst[index].offset == offsets[taken + index], "the rest is as it was") }
    for offset in offsets.prefix(taken) {
      require(away.updateValue(asPackets, forKey: offset) == nil, "a buffer that is away is not handed over again")
    }
    burst.releaseAll()
  }

  private mutating func receive() {
    var burst = Burst()
    port.receive(into: &burst)
    require(burst.isEmpty || burst[burst.count - 1].flags.contains(.last), "packets come whole")
    takeBack(&burst, asPackets: false)
  }

  private mutating func complete() {
    var burst = Burst()
    port.complete(into: &burst)
    takeBack(&burst, asPackets: true)
  }

  private mutating func takeBack(_ burst: inout Burst, asPackets: Bool) {
    while let buffer = burst.popFirst() {
      require(away.removeValue(forKey: buffer.offset) == asPackets, "what comes is what was handed over, once")
      require(buffer.region == region.id && buffer.byteCount == Self.bufferByteCount, "it comes as it was cut")
      require(buffer.headroom + buffer.validByteCount <= buffer.byteCount, "its valid part is inside")
      // Touches what is said to be valid.
      require((0..<buffer.validByteCount).reduce(0) { $0 &+ Int(buffer.bytes[$1]) } >= 0, "it can be read")
      buffer.release()
    }
  }

  // MARK: Device

  /// Takes chains and uses them: a frame with a header of the fuzzer's, of any length.
  private mutating func work(_ queue: FuzzQueue?, count: Int, _ input: inout FuzzInput) {
    guard let queue else { return }
    for _ in 0..<count {
      guard let chain = queue.take() else { return }
      let isReachable = device.reaches(chain.address, chain.byteCount)
      require(isReachable || queue.isScribbled, "the device is shown what it can reach: \(chain)")
      let length = Int(input.byte())
      let bytes = input.take(min(headerByteCount, length))
      if isReachable, bytes.count <= chain.byteCount, !queue.isScribbled { write(bytes, chain.address) }
      queue.use(
        id: chain.id, byteCount: UInt32(min(length * 2, chain.byteCount)), descriptorCount: chain.descriptorCount)
    }
  }

  /// The device sleeps when it has sent all, and asked to be notified; the next packets wake it. Where `isLong`, the packets
  /// since the last notification are 65,536 or a few more or less, so that indices say little.
  private mutating func checkWakeUp(isLong: Bool, _ input: inout FuzzInput) {
    let (missing, last) = (Int(input.byte() & 63), 1 + Int(input.byte() & 15))
    complete()
    guard port.isJoined, let queue = device.queues[1], queue.isHonest else { return }
    port.notify()
    if isLong, !hasWalkedFar {
      hasWalkedFar = true
      var left = 65_536 - missing
      while left > 0 {
        let sent = send(min(left, Burst.capacity))
        guard sent > 0 else { return }
        left -= sent
        sendAll(queue)
        complete()
        guard port.isJoined else { return }
      }
    }
    sendAll(queue)
    complete()
    guard port.isJoined, device.queues[1] === queue else { return }
    queue.askForKick()
    let before = kickCount
    guard send(last) > 0 else { return }
    port.notify()
    require(kickCount == before + 1, "a device that sleeps and has asked for it is notified of what was published")
  }

  /// Transmits packets of a buffer each. Returns how many were taken.
  private mutating func send(_ count: Int) -> Int {
    var burst = Burst()
    while burst.count < count, var buffer = region.buffer(byteCount: Self.bufferByteCount) {
      require(buffer.setValid(offset: 50, byteCount: 60), "a valid part fits")
      burst.append(buffer)
    }
    let before = away.count
    hand(&burst, asPackets: true) { port, burst in port.transmit(&burst) }
    return away.count - before
  }

  private func sendAll(_ queue: FuzzQueue) {
    while let chain = queue.take() { queue.use(id: chain.id, byteCount: 0, descriptorCount: chain.descriptorCount) }
  }

  private var kickCount: UInt64 {
    let reports = port.report().stages
    return reports[0].counters.first { $0.name == "kicks" }?.value ?? 0
  }

  private func write(_ bytes: [UInt8], _ address: UInt64) {
    guard let target = unsafe UnsafeMutableRawPointer(bitPattern: UInt(address)) else { return }
    // SAFETY: the caller has seen that the bytes are the device's to reach.
    for (index, byte) in bytes.enumerated() { unsafe target.storeBytes(of: byte, toByteOffset: index, as: UInt8.self) }
  }

  // MARK: Rules

  /// Every byte that is not at home is where the accounts say.
  private func checkAccounts() {
    let accounts = port.accounts()
    require(accounts.registeredByteCount == region.byteCount, "the region is registered")
    let bytes = accounts.inFlightByteCount + accounts.atPeerByteCount
    let buffers = accounts.inFlightBufferCount + accounts.atPeerBufferCount
    require(
      bytes == region.liveByteCount && buffers == away.count,
      "the accounts have what is away, \(away.count) buffers of \(region.liveByteCount) bytes: \(accounts)")
    require(region.liveBufferCount == away.count && region.leakedBufferCount == 0, "no buffer was lost")
  }

  /// The device goes, comes back honest, and everything comes home.
  mutating func settle() {
    device.presence.vanish()
    for _ in 0...(Self.bufferCount / Burst.capacity) {
      receive()
      complete()
    }
    require(!away.values.contains(true), "packets come back from a device that has gone")
    checkAccounts()
    comeBack(queueSize: 64)
    // A length, and a header of zeros that says that the packet is in one buffer.
    let honest = FuzzInput([100] + [UInt8](repeating: 0, count: 10) + [1, 0])
    for _ in 0..<(2 * Self.bufferCount / Burst.capacity) where !away.isEmpty {
      receive()
      for _ in 0..<Burst.capacity {
        var input = honest
        work(device.queues[0], count: 1, &input)
      }
      checkAccounts()
    }
    require(away.isEmpty, "an honest device gives all freeBuffers back, \(away.count) are left")
    do throws(QueueError) { try port.deregister(region) } catch { violated("nothing is away: \(error)") }
    require(region.registrationCount == 0 && region.liveBufferCount == 0, "everything is home")
  }
}
