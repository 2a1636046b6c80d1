import CleanQ
import Glibc
import Testing

@testable import CleanQVirtio

@Suite("Virtio: a device that goes and comes back") struct VirtioReturnTests {
  @Test("everything comes home, is counted, and is made available again", arguments: Variant.all)
  func vanish(_ variant: Variant) throws {
    var rig = try Rig(variant)
    same(rig.fill(40), 40)
    for epoch in 1...3 {
      same(rig.transmit((0..<7).map { Rig.frame($0) }), 7)
      rig.model.send(keep: true)
      rig.model.presence.vanish()
      same(rig.received(), [])
      // In the order in which they were sent.
      same(rig.completed(), 7)
      #expect(rig.count("device-gone") == UInt64(9 * epoch - 2))
      rig.requireBalance()
      // While it is away: what is sent is completed and counted, what is filled waits.
      same(rig.transmit([Rig.frame(1), Rig.frame(2)]), 2)
      same(rig.completed(), 2)
      let away = rig.port.accounts()
      #expect(away.atPeerBufferCount == 0 && away.inFlightBufferCount == 40)
      rig.model.presence.comeBack()
      same(rig.received(), [])
      #expect(rig.model.presence.epoch == UInt64(epoch))
      #expect(rig.count("device-returns") == UInt64(epoch))
      let back = rig.port.accounts()
      #expect(back.atPeerBufferCount == 40 && back.inFlightBufferCount == 0)
      #expect(rig.model.receive(Rig.frame(9)))
      same(rig.received(), [Rig.frame(9)])
      same(rig.fill(1), 1)
      same(rig.transmit([Rig.frame(3)]), 1)
      #expect(rig.model.send() == Rig.frame(3))
      same(rig.completed(), 1)
    }
  }

  @Test("one that goes again before what came home is taken: there is room for all of it", arguments: Variant.rings)
  func flapping(_ variant: Variant) throws {
    var rig = try Rig(variant, queueSize: 256)
    for _ in 0..<3 {
      let sent = rig.transmit((0..<256).map { Rig.frame($0) })
      rig.model.presence.vanish()
      same(rig.received(), [])
      rig.model.presence.comeBack()
      same(rig.received(), [])
      rig.requireBalance()
      #expect(sent == 256 || sent == 0)
    }
    same(rig.completed(), 256)
    same(rig.transmit([Rig.frame(3)]), 1)
    #expect(rig.model.send() == Rig.frame(3))
    same(rig.completed(), 1)
  }

  @Test(
    "one that goes again before its freeBuffers are all available: there is room for all of them",
    arguments: Variant.rings)
  func flappingFreeBuffers(_ variant: Variant) throws {
    var rig = try Rig(variant, queueSize: 256)
    var full = Burst()
    while full.room > 0, let buffer = rig.region.buffer(byteCount: Rig.bufferByteCount) { full.append(buffer) }
    for _ in 0..<6 {
      _ = rig.fill(256)
      // Packets have come, and nobody has room for them.
      for number in 0..<Burst.capacity { rig.model.receive(Rig.frame(number)) }
      rig.port.receive(into: &full)
      _ = rig.fill(Burst.capacity)
      rig.model.presence.vanish()
      rig.port.receive(into: &full)
      rig.model.presence.comeBack()
      rig.port.receive(into: &full)
      let accounts = rig.port.accounts()
      let known = accounts.inFlightByteCount + accounts.atPeerByteCount + full.byteCount(of: rig.region.id)
      let live = rig.region.liveByteCount
      #expect(known == live)
    }
    full.releaseAll()
    // What waited is made available as there is room, and then there is room for others.
    for number in 0..<40 {
      #expect(rig.model.receive(Rig.frame(number)))
      same(rig.received(), [Rig.frame(number)])
    }
    same(rig.fill(8), 8)
  }

  @Test(
    "one that goes in the middle of a packet of several buffers: they are available again, each by itself",
    arguments: 1...3)
  func unfinished(_ count: Int) throws {
    var rig = try Rig(Variant(features: Variant.basic.union(.mergeableReceiveBuffers)))
    same(rig.fill(count), count)
    #expect(rig.model.receive(Rig.frame(0), partByteCount: 100 / count, promise: 9))
    same(rig.received(), [])
    rig.model.presence.vanish()
    same(rig.received(), [])
    rig.model.presence.comeBack()
    same(rig.received(), [])
    let accounts = rig.port.accounts()
    #expect(accounts.atPeerBufferCount == count)
    #expect(rig.model.receive(Rig.frame(1), partByteCount: 100 / count))
    same(rig.received(), [Rig.frame(1)])
    rig.requireBalance()
  }

  @Test("freeBuffers that were filled in runs while it was away: a run's end may be in another burst")
  func chainsOfFreeBuffers() throws {
    var rig = try Rig(Variant.rings[0])
    rig.model.presence.vanish()
    same(rig.received(), [])
    // Where 32 are made available at a time, the second run begins in one burst and ends in the next.
    for count in [30, 32] {
      var burst = Burst()
      for index in 1...count {
        guard var buffer = rig.region.buffer(byteCount: Rig.bufferByteCount) else { return }
        buffer.flags = index == count ? .last : []
        burst.append(buffer)
      }
      let refusal = rig.port.fill(&burst)
      #expect(refusal == nil)
    }
    rig.model.presence.comeBack()
    same(rig.received(), [])
    let accounts = rig.port.accounts()
    #expect(accounts.atPeerBufferCount == 62)
  }

  @Test("one that comes back with other features is taken as it is now")
  func otherFeatures() throws {
    var rig = try Rig(Variant.rings[0])
    same(rig.fill(10), 10)
    rig.model.presence.vanish()
    same(rig.received(), [])
    rig.model.offered.formUnion([.ringPacked, .inOrder, .eventIndex])
    rig.model.presence.comeBack()
    same(rig.received(), [])
    #expect(rig.device.features.contains(.ringPacked))
    #expect(rig.model.receive(Rig.frame(1)))
    same(rig.received(), [Rig.frame(1)])
    rig.requireBalance()
  }

  @Test("one that comes back without what is needed is tried again")
  func unusable() throws {
    var rig = try Rig(Variant.rings[0])
    same(rig.fill(10), 10)
    rig.model.presence.vanish()
    same(rig.received(), [])
    rig.model.offered.remove(.version1)
    rig.model.presence.comeBack()
    same(rig.received(), [])
    #expect(rig.port.diagnostic?.code == .missingFeatures(.version1))
    #expect(
      rig.log.lines == [
        "warning model: the device does not offer F_VERSION_1; start it again as it was when this pipeline began; trying again"
      ])
    #expect(rig.count("failed-joins") == 1)
    rig.model.offered.insert(.version1)
    usleep(120_000)
    _ = rig.port.advance(to: .now)
    #expect(rig.port.diagnostic == nil)
    #expect(rig.model.receive(Rig.frame(1)))
    same(rig.received(), [Rig.frame(1)])
    rig.requireBalance()
  }

  @Test("one that lies beyond repair is reset, and works again", arguments: Variant.rings)
  func reset(_ variant: Variant) throws {
    var rig = try Rig(variant)
    same(rig.fill(10), 10)
    same(rig.transmit([Rig.frame(1)]), 1)
    let before = rig.model.resetCount
    if variant.isPacked { rig.model.queues[0]?.forge(id: 50, byteCount: 1) } else { rig.model.queues[0]?.jump(by: 99) }
    same(rig.received(), [])
    same(rig.completed(), 1)
    #expect(rig.model.resetCount == before + 1)
    rig.requireBalance()
    usleep(120_000)
    same(rig.received(), [])
    #expect(rig.model.receive(Rig.frame(1)))
    same(rig.received(), [Rig.frame(1)])
    rig.requireBalance()
  }

  @Test("one that cannot come back ends the source")
  func final() throws {
    var rig = try Rig(Variant.rings[0]) { model, _ in model.canComeBack = false }
    var isExhausted = rig.port.isExhausted
    #expect(!isExhausted)
    rig.model.presence.vanish()
    isExhausted = rig.port.isExhausted
    #expect(isExhausted)
    let reports = rig.port.report().stages
    #expect(reports[0].failure == "the device was removed")
  }

  @Test("two pairs: the device begins when both have joined, and again after it was lost")
  func pairs() throws {
    let model = ModelDevice(Variant.basic.union([.multiqueue, .controlQueue]))
    model.pairLimit = 2
    model.configuration?[8] = 2
    let device = try VirtioNetDevice(model, pairCount: 2)
    var first = try VirtioNetPort(device, pair: 0)
    #expect(!model.bits.contains(.driverOK))
    var second = try VirtioNetPort(device, pair: 1)
    #expect(model.bits.contains(.driverOK))
    #expect(model.commands.last == [4, 0, 2, 0])
    model.presence.vanish()
    var burst = Burst()
    first.receive(into: &burst)
    second.receive(into: &burst)
    model.presence.comeBack()
    first.receive(into: &burst)
    #expect(!model.bits.contains(.driverOK))
    second.receive(into: &burst)
    #expect(model.bits.contains(.driverOK))
    #expect(model.queues.keys.sorted() == [0, 1, 2, 3, 4])
  }

  /// A device with two pairs, and a port on each.
  private struct Pairs: ~Copyable {
    let model: ModelDevice
    let device: VirtioNetDevice
    let region: Region
    var first: VirtioNetPort
    var second: VirtioNetPort?

    init(_ features: VirtioFeatures = []) throws {
      let model = ModelDevice(Variant.basic.union([.multiqueue, .controlQueue]).union(features))
      model.pairLimit = 2
      model.configuration?[8] = 2
      let device = try VirtioNetDevice(model, pairCount: 2)
      let region = try Region(byteCount: 65_536, pages: .ordinary)
      var first = try VirtioNetPort(device, pair: 0)
      let second = try VirtioNetPort(device, pair: 1)
      try first.register(region)
      self.model = model
      self.device = device
      self.region = region
      self.first = first
      self.second = .some(second)
    }

    mutating func fillFirst(_ count: Int) {
      var burst = Burst()
      for _ in 0..<count { if let buffer = region.buffer(byteCount: 2048) { burst.append(buffer) } }
      first.fill(&burst)
      first.notify()
      burst.releaseAll()
    }

    /// What loops do, but for traffic.
    mutating func turn() {
      var burst = Burst()
      first.receive(into: &burst)
      first.notify()
      second?.receive(into: &burst)
      second?.notify()
    }

    var kickCount: UInt64 {
      let reports = first.report().stages
      return reports[0].counters.first { $0.name == "kicks" }?.value ?? 0
    }
  }

  @Test("a device is not notified before all pairs have joined, and then of what was published before")
  func earlyNotification() throws {
    var pairs = try Pairs(.eventIndex)
    pairs.fillFirst(4)
    pairs.model.presence.vanish()
    pairs.turn()
    let before = pairs.kickCount
    pairs.model.presence.comeBack()
    var burst = Burst()
    pairs.first.receive(into: &burst)
    pairs.first.notify()
    pairs.fillFirst(1)
    #expect(!pairs.model.bits.contains(.driverOK) && pairs.kickCount == before)
    _ = pairs.first.arm()
    pairs.first.disarm()
    pairs.second?.receive(into: &burst)
    #expect(pairs.model.bits.contains(.driverOK))
    var files = pollfd(fd: pairs.first.callFiles.receiving, events: Int16(POLLIN), revents: 0)
    #expect(unsafe poll(&files, 1, 0) == 1, "the first port is woken")
    pairs.turn()
    #expect(pairs.kickCount == before + 1)
  }

  @Test(
    "a port that ends leaves the device to the others, and one that takes its place joins it as it runs",
    arguments: [true, false])
  func oneOfTwo(stopsQueues: Bool) throws {
    var pairs = try Pairs()
    pairs.model.stopsQueues = stopsQueues
    pairs.second = nil
    // Where one queue cannot be stopped alone the device begins again, after a while.
    pairs.turn()
    usleep(120_000)
    pairs.turn()
    pairs.fillFirst(4)
    #expect(pairs.model.bits.contains(.driverOK))
    #expect(pairs.model.receive(Rig.frame(1)))
    var burst = Burst()
    pairs.first.receive(into: &burst)
    #expect(burst.count == 1)
    burst.releaseAll()
    // The same after a loss.
    pairs.model.presence.vanish()
    pairs.turn()
    pairs.model.presence.comeBack()
    pairs.turn()
    #expect(pairs.model.bits.contains(.driverOK) && pairs.first.isJoined)
    #expect(pairs.model.commands.last == [4, 0, 1, 0], "frames go to the first pair only")
    let (resets, commands) = (pairs.model.resetCount, pairs.model.commands.count)
    let mapped = pairs.model.mappedRegions
    pairs.second = try VirtioNetPort(pairs.device, pair: 1)
    pairs.turn()
    #expect(pairs.model.mappedRegions == mapped, "there is one control queue")
    #expect(pairs.model.resetCount == resets && pairs.model.queues.keys.sorted() == [0, 1, 2, 3, 4])
    #expect(pairs.model.commands.count == commands + 1 && pairs.model.commands.last == [4, 0, 2, 0])
  }

  @Test("a region that went away while it was registered is not reachable when its place is taken")
  func replacedRegions() throws {
    let model = ModelDevice(Variant.basic)
    let device = try VirtioNetDevice(model)
    let before = model.mappedRegions.count
    do {
      var port = try VirtioNetPort(device)
      for _ in 0..<5 {
        let region = try Region(byteCount: 65_536, pages: .ordinary)
        try port.register(region)
      }
      #expect(model.mappedRegions.count == before + 1)
    }
    #expect(model.mappedRegions.count == before)
  }
}
