import CleanQ
import Testing

@testable import CleanQVirtio

/// Failures that loose ownership has caused in real systems, one test each, and what becomes of the traffic.
@Suite("Virtio: failures that loose ownership has caused") struct VirtioFailureTests {
  /// Why a region was not deregistered; nil where it was.
  private static func deregister(_ port: inout VirtioNetPort, _ region: borrowing Region) -> QueueError.Code? {
    do throws(QueueError) { try port.deregister(region) } catch { return error.code }
    return nil
  }

  @Test("failure 1, fetched twice: an id that changes after it was checked is not looked at", arguments: Variant.rings)
  func fetchedTwice(_ variant: Variant) throws {
    for _ in 0..<50 {
      var rig = try Rig(variant)
      same(rig.fill(8), 8)
      for number in 0..<8 { rig.model.receive(Rig.frame(number)) }
      let box = QueueBox(rig.model.queues[0])
      let isRunning = Flag()
      let isDone = Flag()
      // The rings stay mapped for the thread, also when the driver has had enough.
      let release = rig.model.holdResets()
      let thread = LittleThread {
        while !isDone.isSet {
          // One that there is not, one that was taken before this one is, and the right one.
          for place in 0..<8 {
            box.queue?.setUsedID(at: place, 0x1000)
            box.queue?.setUsedID(at: place, UInt16((place + 7) % 8))
            box.queue?.setUsedID(at: place, UInt16(place))
          }
          isRunning.set()
        }
      }
      thread.start()
      while !isRunning.isSet {}
      var frames: [[UInt8]] = []
      for _ in 0..<8 { frames += rig.received() }
      isDone.set()
      thread.join()
      release()
      #expect(Set(frames).count == frames.count, "a buffer was given twice")
      rig.requireBalance()
    }
  }

  @Test(
    "failure 2, a range that is only partly inside: a length beyond the descriptor yields no byte",
    arguments: Variant.rings)
  func partlyInside(_ variant: Variant) throws {
    var rig = try Rig(variant)
    same(rig.fill(4), 4)
    guard let queue = rig.model.queues[0] else { return }
    for length: UInt32 in [
      UInt32(2048 - ReceiveBuffer.headroom + VirtioNetHeader.byteCount + 1), 0xFFFF, 0x7FFF_FFFF, 0xFFFF_FFFF,
    ] {
      guard let chain = queue.take() else { return }
      queue.forge(id: UInt32(chain.id), byteCount: length)
      same(rig.received(), [])
    }
    #expect(rig.count("too-long") == 4)
    // The buffers are with the device again, and work.
    rig.requireBalance()
    let accounts = rig.port.accounts()
    #expect(accounts.atPeerBufferCount == 4)
    #expect(rig.model.receive(Rig.frame(5)))
    same(rig.received(), [Rig.frame(5)])
  }

  @Test("failure 3, taken on trust: ids, lengths and indices are compared with what was lent", arguments: Variant.rings)
  func takenOnTrust(_ variant: Variant) throws {
    for id: UInt32 in [64, 65, 0x7FFF, 0xFFFF, 0x1_0000, 0xFFFF_FFFF] {
      var rig = try Rig(variant)
      same(rig.fill(4), 4)
      // Ids of a packed queue have 16 bits.
      if variant.isPacked, id > 0xFFFF { continue }
      rig.model.queues[0]?.forge(id: id, byteCount: 100)
      same(rig.received(), [])
      #expect(rig.count("bad-id") == 1)
      rig.requireBalance()
    }
    for jump in [65, 1000, 0x8000, 0xFFFF] where !variant.isPacked {
      var rig = try Rig(variant)
      same(rig.fill(4), 4)
      rig.model.queues[0]?.jump(by: jump)
      same(rig.received(), [])
      #expect(rig.count("index-jump") == 1)
      rig.requireBalance()
    }
  }

  @Test("failure 4, double completion: the second is counted and gives nothing", arguments: Variant.rings)
  func doubleCompletion(_ variant: Variant) throws {
    var rig = try Rig(variant)
    same(rig.transmit((0..<6).map { Rig.frame($0) }), 6)
    guard let queue = rig.model.queues[1], let chain = queue.take() else { return }
    queue.use(chain, byteCount: 0)
    queue.use(chain, byteCount: 0)
    // In a packed ring it also hides where the device is: it is reset, and the others come home as not sent.
    same(rig.completed(), variant.isPacked ? 6 : 1)
    #expect(rig.count("not-in-flight") == 1)
    #expect(rig.count("device-gone") == (variant.isPacked ? 5 : 0))
    rig.requireBalance()
  }

  @Test(
    "failure 5, state in shared memory only: with every shared word overwritten, all buffers are still known",
    arguments: Variant.rings)
  func sharedState(_ variant: Variant) throws {
    var rig = try Rig(variant)
    same(rig.fill(32), 32)
    same(rig.transmit((0..<20).map { Rig.frame($0) }), 20)
    for index in 0..<2 {
      guard let queue = rig.model.queues[index] else { return }
      for word in 0..<queue.wordCount { queue.scribbleWord(word, 0xFFFF_FFFF) }
    }
    for _ in 0..<10 {
      _ = rig.received()
      _ = rig.completed()
      rig.requireBalance()
    }
    rig.model.presence.vanish()
    same(rig.received(), [])
    let back = rig.completed()
    #expect(back <= 20)
    rig.requireBalance()
    let accounts = rig.port.accounts()
    #expect(accounts.atPeerBufferCount == 0, "the device has gone, and still has something")
  }

  @Test(
    "failure 6, released while mapped: a region with buffers at the device is neither deregistered nor unmapped",
    arguments: Variant.rings)
  func releasedWhileMapped(_ variant: Variant) throws {
    let model = ModelDevice(variant.features)
    var port = try VirtioNetPort(VirtioNetDevice(model))
    let region = try Region(byteCount: 1 << 16, pages: .ordinary)
    try port.register(region)
    #expect(model.mappedRegions.contains(region.id))
    var burst = Burst()
    if let buffer = region.buffer(byteCount: 2048) { burst.append(buffer) }
    port.fill(&burst)
    same(Self.deregister(&port, region), .elsewhere(byteCount: 2048))
    #expect(model.mappedRegions.contains(region.id))
    // Used and taken, it can be.
    model.receive(Rig.frame(1))
    port.receive(into: &burst)
    burst.releaseAll()
    same(Self.deregister(&port, region), nil)
    #expect(!model.mappedRegions.contains(region.id))
  }

  @Test(
    "failure 6, and a port that ends takes everything from the device before the region is unmapped",
    arguments: [true, false])
  func endsInUse(stopsQueues: Bool) throws {
    let model = ModelDevice()
    model.stopsQueues = stopsQueues
    let region = try Region(byteCount: 1 << 16, pages: .ordinary)
    do {
      var port = try VirtioNetPort(VirtioNetDevice(model))
      try port.register(region)
      var burst = Burst()
      for _ in 0..<8 { if let buffer = region.buffer(byteCount: 2048) { burst.append(buffer) } }
      port.fill(&burst)
      #expect(region.liveByteCount == 8 * 2048)
    }
    #expect(model.queues.isEmpty)
    #expect(model.mappedRegions.isEmpty, "the port has gone, and a region is still mapped")
    #expect(region.liveByteCount == 0)
    #expect(region.registrationCount == 0)
  }

  @Test("failure 7, unbounded: a flood of lies costs no more than a burst per call", arguments: [false, true])
  func unbounded(usesEventIndex: Bool) throws {
    var rig = try Rig(Variant(features: usesEventIndex ? Variant.basic.union(.eventIndex) : Variant.basic))
    same(rig.fill(64), 64)
    for _ in 0..<64 { rig.model.queues[0]?.forge(id: 60_000, byteCount: 1) }
    var burst = Burst()
    rig.port.receive(into: &burst)
    #expect(rig.count("bad-id") == UInt64(Burst.capacity))
    rig.port.receive(into: &burst)
    #expect(rig.count("bad-id") == 64)
    same(burst.count, 0)
    rig.requireBalance()
  }

  @Test("a header that lies about the number of buffers costs its packet only", arguments: [0, 9, 33, 0xFFFF])
  func badBufferCount(count: Int) throws {
    // Nine are more than there are in the ring.
    var rig = try Rig(Variant(features: Variant.basic.union(.mergeableReceiveBuffers)), queueSize: count == 9 ? 8 : 64)
    same(rig.fill(8), 8)
    guard let queue = rig.model.queues[0], let chain = queue.take() else { return }
    rig.model.write([0, 0, 0, 0, 0, 0, 0, 0, 0, 0, UInt8(count & 0xFF), UInt8(count >> 8)] + Rig.frame(1), to: chain)
    queue.use(chain, byteCount: 76)
    #expect(rig.model.receive(Rig.frame(2)))
    same(rig.received(), [Rig.frame(2)])
    #expect(rig.count("bad-buffer-count") == 1)
    rig.requireBalance()
  }

  @Test("a packet shorter than its headers costs its packet only", arguments: 0..<26)
  func truncated(byteCount: Int) throws {
    var rig = try Rig(Variant.rings[0])
    same(rig.fill(8), 8)
    guard let queue = rig.model.queues[0], let chain = queue.take() else { return }
    queue.use(chain, byteCount: byteCount)
    #expect(rig.model.receive(Rig.frame(2)))
    same(rig.received(), [Rig.frame(2)])
    #expect(rig.count(byteCount == 0 ? "empty" : "truncated") == 1)
    rig.requireBalance()
  }
}
