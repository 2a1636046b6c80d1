import CleanQ
import CleanQTesting
import CleanQWire
import Testing
import TestSupport

@testable import CleanQNet

/// The layer on a device that refuses at random, with a user that does too.
private struct Bench: ~Copyable {
  let region: Region
  let device: RefusingWire
  var port: IPPort<TestDevice<Frame>>
  var random: SeededGenerator
  var up = Burst()
  var freeBuffers = Burst()
  /// Packets that the user handed over, and buffers that came back.
  var transmittedCount: UInt64 = 0
  var completedCount: UInt64 = 0
  var deliveredCount: UInt64 = 0
  var now: UInt64 = 1_000_000_000

  init(seed: UInt64, bufferCount: Int) throws {
    let region = try Region(byteCount: 1 << 20)
    let configuration = try IPConfiguration(address: "10.0.0.2/24", gateway: "10.0.0.1")
    let device = RefusingWire(seed: seed)
    var port = IPPort(on: TestDevice<Frame>(device.wire), configuration, now: MonotonicTime(nanoseconds: 1_000_000_000))
    try port.register(region)
    var left = bufferCount
    var burst = Burst()
    while left > 0 || !burst.isEmpty {
      while left > 0, burst.room > 0 {
        burst.append(try take(region.buffer(byteCount: 2048)))
        left -= 1
      }
      // The device takes 32; the user keeps the others.
      let before = burst.count
      port.fill(&burst)
      if burst.count == before { break }
    }
    burst.releaseAll()
    self.region = region
    self.device = device
    self.port = port
    random = SeededGenerator(seed: seed &+ 1)
  }

  /// A turn of the loop.
  mutating func turn(sends: Bool) {
    let before = up.count
    port.receive(into: &up)
    for index in before..<up.count { Self.reflect(&up[index]) }
    deliveredCount += UInt64(up.count - before)
    if sends, up.room > 0, Int.random(in: 0..<4, using: &random) == 0 { append() }
    let offered = up.count
    port.transmit(&up)
    transmittedCount += UInt64(offered - up.count)
    let waiting = freeBuffers.count
    port.complete(into: &freeBuffers)
    completedCount += UInt64(freeBuffers.count - waiting)
    port.fill(&freeBuffers)
    port.notify()
    if Int.random(in: 0..<16, using: &random) == 0 {
      now += UInt64.random(in: 0...2_000_000_000, using: &random)
      _ = port.advance(to: MonotonicTime(nanoseconds: now))
    }
  }

  /// Sends a received packet back.
  private static func reflect(_ buffer: inout Buffer) {
    check(!buffer.flags.contains(.reply) && buffer.flags.contains(.last))
    let received = buffer.packetMetadata
    check(received.protocol == .udp)
    buffer.packetMetadata = PacketMetadata(
      source: received.destination, destination: received.source, protocol: .udp)
  }

  /// Sends a packet of the user's own, sometimes one that cannot be sent.
  private mutating func append() {
    guard var buffer = region.buffer(byteCount: 2048) else { return }
    let byteCount = Int.random(in: 0...1600, using: &random)
    let headroom = Int.random(in: 0..<20, using: &random) == 0 ? 20 : 84
    let fits = buffer.setValid(offset: headroom, byteCount: byteCount)
    check(fits)
    let last = UInt8.random(in: 0...20, using: &random)
    let destination =
      Int.random(in: 0..<8, using: &random) == 0 ? IPv4Address(192, 0, 2, last) : IPv4Address(10, 0, 0, last)
    buffer.packetMetadata = PacketMetadata(source: .unspecified, destination: destination, protocol: .udp)
    up.append(buffer)
  }

  /// Every byte that is not at home is somewhere that the accounts know.
  var isAccountsExact: Bool {
    var accounts = port.accounts()
    accounts.addInFlight(up)
    accounts.addInFlight(freeBuffers)
    return accounts.inFlightByteCount == region.liveByteCount && accounts.inFlightBufferCount == region.liveBufferCount
      && accounts.registeredByteCount == region.byteCount
  }
}

@Suite("IP: random traffic") struct IPStackModelTests {
  private static let seeds: [UInt64] = [1, 2, 3, 4]

  /// A frame: well-formed, then perhaps spoiled.
  private func frame(_ random: inout SeededGenerator) -> [UInt8] {
    let peer = IPv4Address(10, 0, 0, UInt8.random(in: 1...12, using: &random))
    let mac = MACAddress(0x52, 0x54, 0, 0, UInt8.random(in: 0...1, using: &random), UInt8(peer.rawValue & 0xFF))
    let data = [UInt8](repeating: 3, count: Int.random(in: 0...200, using: &random))
    var frame: [UInt8]
    switch Int.random(in: 0..<12, using: &random) {
    case 0...3: frame = Frames.ethernet(from: mac, Frames.ip(from: peer, Frames.udp(data)))
    case 4: frame = Frames.ethernet(from: mac, Frames.ip(from: peer, protocol: 1, Frames.icmp(data)))
    case 5: frame = Frames.question(from: mac, peer)
    case 6, 7: frame = Frames.answer(from: mac, peer)
    case 8: frame = Frames.ethernet(from: mac, Frames.ip(from: peer, protocol: 6, data))
    case 9: frame = Frames.ethernet(to: .broadcast, from: mac, Frames.ip(from: peer, to: .limitedBroadcast, data))
    case 10: frame = Frames.ethernet(from: mac, Frames.ip(from: IPv4Address(192, 0, 2, 7), Frames.udp(data)))
    default: frame = data
    }
    if Int.random(in: 0..<3, using: &random) == 0, !frame.isEmpty {
      for _ in 0..<Int.random(in: 1...3, using: &random) {
        frame[Int.random(in: 0..<min(frame.count, 46), using: &random)] = UInt8.random(in: 0...255, using: &random)
      }
    }
    if Int.random(in: 0..<10, using: &random) == 0 { frame.removeLast(Int.random(in: 0...frame.count, using: &random)) }
    return frame
  }

  /// Whether a sent frame is one that a neighbour can take.
  private func isGood(_ frame: [UInt8]) -> Bool {
    guard frame.count >= 34, Array(frame[6..<12]) == Frames.bytes(Frames.ourMAC) else { return false }
    if frame[12...13] == [8, 6] { return frame.count == 42 && Array(frame[28..<32]) == Frames.bytes(Frames.ours) }
    let length = Int(frame[16]) << 8 | Int(frame[17])
    guard frame[12...13] == [8, 0], length == frame.count - 14, length <= 1500, frame[20...21] == [0x40, 0],
      frame[22] > 0, Frames.checksum(Array(frame[14..<34])) == 0, Array(frame[26..<30]) == Frames.bytes(Frames.ours)
    else { return false }
    return frame[23] != 1 || Frames.checksum(Array(frame[34...])) == 0
  }

  @Test(
    "25,000 frames: each has one fate, each packet comes back once, every byte is where the accounts say",
    arguments: seeds)
  func traffic(seed: UInt64) throws {
    var bench = try Bench(seed: seed, bufferCount: 32)
    var random = SeededGenerator(seed: seed &+ 2)
    var left = 25_000
    while left > 0 || bench.device.wire.waitingCount > 0 {
      for _ in 0..<min(left, Int.random(in: 0...40, using: &random)) where bench.device.wire.waitingCount < 64 {
        bench.device.put(frame(&random), headroom: Int.random(in: 0..<20, using: &random) == 0 ? 16 : 50)
        left -= 1
      }
      // No more buffers than the device can hold empty and the user can keep.
      bench.turn(sends: left > 0 && bench.region.liveBufferCount < 120)
      while bench.region.liveBufferCount > 90, let buffer = bench.freeBuffers.popFirst() { buffer.release() }
      check(bench.isAccountsExact && bench.region.leakedBufferCount == 0, "seed \(seed)")
      let bad = bench.device.wire.takeTransmitted().first { !isGood($0) }
      try #require(bad == nil && bench.device.isUnchained, "seed \(seed)")
    }
    try settle(&bench, seed: seed)
  }

  /// Lets everything drain, and balances the books.
  private func settle(_ bench: inout Bench, seed: UInt64) throws {
    for _ in 0..<400 {
      bench.turn(sends: false)
      bench.freeBuffers.releaseAll()
    }
    let counters = bench.port.engine.counters
    #expect(counters.receivedFrameCount == UInt64(bench.device.wire.receivedPacketCount), "seed \(seed)")
    #expect(counters.received.packets == bench.deliveredCount && counters.received.packets > 1000, "seed \(seed)")
    #expect(counters.transmitted.packets == bench.transmittedCount, "seed \(seed)")
    #expect(bench.completedCount == bench.transmittedCount, "seed \(seed)")
    check(bench.up.isEmpty && bench.port.engine.pending.isEmpty && bench.isAccountsExact, "seed \(seed)")
    for reason in [IPDropReason.chained, .tooLong, .noHeadroom, .arpUnresolved] {
      #expect(counters[reason] > 0, "\(reason.name), seed \(seed)")
    }
    bench.device.wire.share = nil
    for _ in 0..<20 {
      bench.port.lower.releaseFreeBuffers()
      bench.turn(sends: false)
      bench.freeBuffers.releaseAll()
      do {
        try bench.port.deregister(bench.region)
        break
      } catch {}
    }
    check(bench.port.accounts() == BufferAccounts() && bench.region.liveByteCount == 0, "seed \(seed)")
  }
}
