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
      let away = rig.port.census()
      #expect(away.atPeerBufferCount == 0 && away.inFlightBufferCount == 40)
      rig.model.presence.comeBack()
      same(rig.received(), [])
      #expect(rig.model.presence.epoch == UInt64(epoch))
      #expect(rig.count("device-returns") == UInt64(epoch))
      let back = rig.port.census()
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
    "one that goes again before its empties are all available: there is room for all of them", arguments: Variant.rings)
  func flappingEmpties(_ variant: Variant) throws {
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
      let census = rig.port.census()
      let known = census.inFlightByteCount + census.atPeerByteCount + full.byteCount(of: rig.region.id)
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
    let census = rig.port.census()
    #expect(census.atPeerBufferCount == count)
    #expect(rig.model.receive(Rig.frame(1), partByteCount: 100 / count))
    same(rig.received(), [Rig.frame(1)])
    rig.requireBalance()
  }

  @Test("empties that were filled in runs while it was away: a run's end may be in another burst")
  func runsOfEmpties() throws {
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
    let census = rig.port.census()
    #expect(census.atPeerBufferCount == 62)
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
    #expect(rig.port.complaint?.code == .missingFeatures(.version1))
    rig.model.offered.insert(.version1)
    usleep(120_000)
    _ = rig.port.advance(to: .now)
    #expect(rig.port.complaint == nil)
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
    let rig = try Rig(Variant.rings[0]) { model, _ in model.canComeBack = false }
    var isExhausted = rig.port.isExhausted
    #expect(!isExhausted)
    rig.model.presence.vanish()
    isExhausted = rig.port.isExhausted
    #expect(isExhausted)
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
}
