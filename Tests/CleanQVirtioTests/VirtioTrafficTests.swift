import CleanQ
import Testing

@testable import CleanQVirtio

@Suite("Virtio: traffic") struct VirtioTrafficTests {
  @Test("what is sent arrives, and what is received comes up, through many laps", arguments: Variant.all)
  func loop(_ variant: Variant) throws {
    var rig = try Rig(variant, queueSize: 16)
    same(rig.fill(16), 16)
    var number = 0
    for round in 0..<60 {
      let count = 1 + round % 13
      let frames = (0..<count).map { Rig.frame(number + $0, byteCount: 60 + (number + $0) % 1400) }
      number += count
      same(rig.transmit(frames), count)
      rig.model.loop(count)
      same(rig.received(), frames)
      same(rig.completed(), count)
      same(rig.fill(count), count)
      rig.requireBalance()
    }
    let isBroken = rig.port.session.isBroken()
    #expect(!isBroken)
  }

  @Test(
    "packets go back in the buffers that they came in, lap after lap, with headers that say nothing",
    arguments: Variant.all)
  func echo(_ variant: Variant) throws {
    var rig = try Rig(variant, queueSize: 16)
    same(rig.fill(16), 16)
    var burst = Burst()
    for round in 0..<200 {
      // Laps in which everything stays the same, some in which lengths do not, and now and then a buffer that goes another way.
      let byteCount = round / 40 % 2 == 0 ? 64 : 64 + round * 5
      let frames = (0..<(1 + round % 7)).map { Rig.frame(round + $0, byteCount: byteCount) }
      for frame in frames { #expect(rig.model.receive(frame)) }
      rig.port.receive(into: &burst)
      if round % 50 == 49, let first = burst.popFirst() {
        first.release()
        same(rig.fill(1), 1)
      }
      let sent = burst.count
      #expect(rig.port.transmit(&burst) == nil)
      rig.port.notify()
      for frame in frames.suffix(sent) { same(rig.model.send(), frame) }
      rig.port.complete(into: &burst)
      same(burst.count, sent)
      #expect(rig.port.fill(&burst) == nil)
      rig.port.notify()
      rig.requireBalance()
    }
  }

  @Test("packets begin where they have a line to themselves, in buffers with room for that", arguments: Variant.rings)
  func headroom(_ variant: Variant) throws {
    var rig = try Rig(variant)
    var burst = Burst()
    for byteCount in [512, 2048] { if let buffer = rig.region.buffer(byteCount: byteCount) { burst.append(buffer) } }
    #expect(rig.port.fill(&burst) == nil)
    for _ in 0..<2 { #expect(rig.model.receive(Rig.frame(1))) }
    rig.port.receive(into: &burst)
    #expect((0..<burst.count).map { burst[$0].headroom } == [Buffer.standardHeadroom, 64])
    burst.releaseAll()
  }

  @Test("a packet whose header takes an id of its own leaves one less for those behind it", arguments: Variant.rings)
  func headersTakeIDs(_ variant: Variant) throws {
    var rig = try Rig(variant, queueSize: 4)
    var burst = Burst()
    for headroom in [0, 50, 50, 50] {
      if let buffer = rig.buffer(Rig.frame(headroom), headroom: headroom) { burst.append(buffer) }
    }
    #expect(rig.port.transmit(&burst) == .full)
    #expect(burst.count == 1 && rig.port.accounts().atPeerBufferCount == 3)
    burst.releaseAll()
    rig.port.notify()
    for headroom in [0, 50, 50] { same(rig.model.send(), Rig.frame(headroom)) }
    same(rig.completed(), 3)
    rig.requireBalance()
  }

  @Test(
    "in order, one element stands for a batch of packets that were sent",
    arguments: Variant.all.filter { $0.features.contains(.inOrder) })
  func batch(_ variant: Variant) throws {
    var rig = try Rig(variant, queueSize: 16)
    for round in 0..<40 {
      let count = 1 + round % 16
      same(rig.transmit((0..<count).map { Rig.frame($0) }), count)
      guard let queue = rig.model.queues[1] else { return }
      let chains = queue.takeAll()
      let half = chains.count / 2
      queue.useBatch(Array(chains[..<half]), byteCount: 0)
      queue.useBatch(Array(chains[half...]), byteCount: 0)
      same(rig.completed(), count)
      rig.requireBalance()
    }
    #expect(rig.count("not-in-flight") == 0)
  }

  @Test(
    "in order, chains of several descriptors may be part of a batch",
    arguments: Variant.all.filter { $0.features.contains(.inOrder) })
  func batchOfRuns(_ variant: Variant) throws {
    var rig = try Rig(variant, queueSize: 16)
    for round in 0..<40 {
      var burst = Burst()
      for index in 0..<4 {
        let headroom = index == 1 && round % 2 == 0 ? 0 : 50
        if let buffer = rig.buffer(Rig.frame(index), headroom: headroom, isLast: index != 1) { burst.append(buffer) }
      }
      #expect(rig.port.transmit(&burst) == nil)
      rig.port.notify()
      guard let queue = rig.model.queues[1] else { return }
      let chains = queue.takeAll()
      same(chains.count, 3)
      queue.useBatch(chains, byteCount: 0)
      same(rig.completed(), 4)
      rig.requireBalance()
    }
    #expect(rig.count("not-in-flight") == 0)
  }

  @Test("a buffer of a region that the device does not know stays, and those before it go", arguments: Variant.rings)
  func unknownBehindOthers(_ variant: Variant) throws {
    var rig = try Rig(variant)
    let stranger = try Region(byteCount: 4096, pages: .ordinary)
    for fills in [false, true] {
      var burst = Burst()
      for index in 0..<4 {
        guard var buffer = index == 2 ? stranger.buffer(byteCount: 2048) : rig.buffer(Rig.frame(index)) else { return }
        if index == 2 { buffer.reset() }
        burst.append(buffer)
      }
      #expect((fills ? rig.port.fill(&burst) : rig.port.transmit(&burst)) == .unknownRegion)
      #expect(burst.count == 2 && burst[0].region == stranger.id)
      burst.releaseAll()
      rig.requireBalance()
    }
  }

  @Test("a run of buffers goes out as one chain, with and without room for a header", arguments: Variant.all)
  func runs(_ variant: Variant) throws {
    var rig = try Rig(variant, queueSize: 16)
    for round in 0..<50 {
      let parts = [
        Rig.frame(round, byteCount: 20), Rig.frame(1, byteCount: round % 3 == 0 ? 0 : 31), Rig.frame(2, byteCount: 9),
      ]
      let headroom = round % 2 == 0 ? 50 : round % 12
      var burst = Burst()
      for (index, part) in parts.enumerated() {
        if let buffer = rig.buffer(part, headroom: headroom, isLast: index == 2) { burst.append(buffer) }
      }
      let refusal = rig.port.transmit(&burst)
      #expect(refusal == nil)
      rig.port.notify()
      #expect(rig.model.send() == parts.flatMap { $0 })
      var sent = Burst()
      rig.port.complete(into: &sent)
      // They come back as they went: valid parts, order, the end's mark.
      #expect((0..<sent.count).map { sent[$0].validByteCount } == parts.map(\.count))
      #expect((0..<sent.count).map { sent[$0].flags.contains(.last) } == [false, false, true])
      sent.releaseAll()
      rig.requireBalance()
    }
  }

  @Test(
    "a packet that the device spread over buffers comes up as a run",
    arguments: Variant.all.filter { $0.features.contains(.mergeableReceiveBuffers) })
  func merge(_ variant: Variant) throws {
    var rig = try Rig(variant, queueSize: 64)
    same(rig.fill(64), 64)
    for round in 0..<30 {
      let frame = Rig.frame(round, byteCount: 400 + 37 * round)
      #expect(rig.model.receive(frame, partByteCount: 100))
      let small = Rig.frame(round + 1)
      #expect(rig.model.receive(small))
      same(rig.received(), [frame, small])
      #expect(rig.fill(64) > 0)
      rig.requireBalance()
    }
  }

  @Test("a packet of which the device has not used all buffers yet is waited for")
  func partial() throws {
    var rig = try Rig(Variant(features: Variant.basic.union(.mergeableReceiveBuffers)))
    same(rig.fill(8), 8)
    guard let queue = rig.model.queues[0], let first = queue.take(), let second = queue.take() else { return }
    let frame = Rig.frame(3, byteCount: 100)
    rig.model.write([0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 2, 0] + frame.prefix(50), to: first)
    rig.model.write(Array(frame.suffix(50)), to: second)
    queue.use(first, byteCount: 62)
    same(rig.received().isEmpty, true)
    rig.requireBalance()
    queue.use(second, byteCount: 50)
    same(rig.received(), [frame])
  }

  @Test("the buffers of a packet that is dropped are lent again as there is room, each by itself")
  func droppedRun() throws {
    var rig = try Rig(Variant(features: Variant.basic.union(.mergeableReceiveBuffers)), queueSize: 4)
    let queue = try #require(rig.model.queues[0])
    same(rig.fill(4), 4)
    for index in 0..<4 {
      if index == 3 {
        same(rig.received(), [])
        same(rig.fill(3), 3)
      }
      let chain = try #require(queue.take())
      // The first says that there are four; the others hold nothing, which no part of a packet does.
      if index == 0 { rig.model.write([0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 4, 0] + Rig.frame(0), to: chain) }
      queue.use(chain, byteCount: index == 0 ? 76 : 0)
    }
    same(rig.received(), [])
    let accounts = rig.port.accounts()
    #expect(accounts.atPeerBufferCount == 4 && accounts.inFlightBufferCount == 3)
    #expect(rig.count("empty") == 3)
    for number in 0..<7 {
      #expect(rig.model.receive(Rig.frame(number)))
      same(rig.received(), [Rig.frame(number)])
    }
    rig.requireBalance()
  }

  @Test("a checksum that the device left to be completed is completed", arguments: Variant.rings)
  func checksum(_ variant: Variant) throws {
    var rig = try Rig(variant)
    same(rig.fill(4), 4)
    var frame = Rig.frame(1, byteCount: 14 + 20 + 8 + 21)
    // The field at 14 + 20 + 6 holds the sum of a pseudo header, as it may be: 0x1234.
    frame[40] = 0x12
    frame[41] = 0x34
    #expect(rig.model.receive(frame, flags: 1, checksumStart: 34, checksumOffset: 6))
    var sum: UInt32 = 0
    for index in 34..<frame.count { sum += UInt32(frame[index]) << (index % 2 == 0 ? 8 : 0) }
    while sum > 0xFFFF { sum = sum & 0xFFFF + sum >> 16 }
    let value = ~UInt16(sum)
    frame[40] = UInt8(value >> 8)
    frame[41] = UInt8(value & 0xFF)
    same(rig.received(), [frame])
    // A field outside of the packet: dropped, counted, and the buffer is with the device again.
    #expect(rig.model.receive(frame, flags: 1, checksumStart: 60, checksumOffset: 60))
    same(rig.received().isEmpty, true)
    #expect(rig.count("bad-checksum-place") == 1)
    rig.requireBalance()
    let accounts = rig.port.accounts()
    #expect(accounts.atPeerBufferCount == 3)
  }

  @Test("the device is notified when it wants to be, and only then", arguments: Variant.all)
  func kicks(_ variant: Variant) throws {
    var rig = try Rig(variant)
    same(rig.transmit([Rig.frame(0)]), 1)
    #expect(rig.count("kicks") == 1)
    rig.model.queues[1]?.setKicks(wanted: false)
    same(rig.transmit([Rig.frame(1)]), 1)
    #expect(rig.count("kicks") == 1)
    while rig.model.send() != nil {}
    rig.model.queues[1]?.setKicks(wanted: true)
    same(rig.transmit([Rig.frame(2)]), 1)
    rig.port.notify()
    #expect(rig.count("kicks") == 2)
  }

  @Test("arm sees what was used before it, and asks for what comes after it", arguments: Variant.all)
  func arm(_ variant: Variant) throws {
    var rig = try Rig(variant)
    same(rig.fill(32), 32)
    for _ in 0..<100 {
      guard let queue = rig.model.queues[0] else { return }
      // While it polls, no notification is wanted.
      rig.model.receive(Rig.frame(0))
      #expect(queue.wantsCall() == false)
      var isIdle = rig.port.arm()
      #expect(!isIdle, "something has arrived, and arm says that it is safe to sleep")
      rig.port.disarm()
      same(rig.received().count, 1)
      _ = queue.wantsCall()
      isIdle = rig.port.arm()
      #expect(isIdle)
      rig.model.receive(Rig.frame(1))
      #expect(queue.wantsCall(), "armed, and a notification is not wanted")
      rig.port.disarm()
      same(rig.received().count, 1)
      _ = rig.fill(2)
    }
  }
}
