import CleanQ
import CleanQPipeline
import CleanQWire
import Logging
import Testing
import TestSupport

@testable import CleanQNet
@testable import CleanQNetStages

/// Lets events be logged as the stage does.
func events(_ log: Log) -> IPEventHandler {
  let lines = IPLog(log.logger)
  return { lines.write($0, at: $1) }
}

/// An engine with buffers and a clock: what an IP layer is without a port.
struct IPHost: ~Copyable {
  let region: Region
  var engine: IPEngine
  /// What was delivered.
  var filled = Burst()
  /// What the user got back.
  var sent = Burst()
  var milliseconds: UInt64 = 1_000_000
  var frameCount: UInt64 = 0

  init(
    _ address: String = "10.0.0.2/24", gateway: String? = nil, mtu: Int = 1500, spares: Int = 4,
    in sharedNeighbors: SharedNeighborCache? = nil, onEvent: IPEventHandler? = nil
  )
    throws
  {
    let region = try Region(byteCount: 1 << 20)
    let configuration = try IPConfiguration(address: address, gateway: gateway)
    var engine = IPEngine(
      configuration, mtu: mtu, now: MonotonicTime(nanoseconds: milliseconds * 1_000_000),
      sharedNeighbors: sharedNeighbors,
      onEvent: onEvent)
    engine.spares.region = region.id
    var freeBuffers = Burst()
    for _ in 0..<spares { freeBuffers.append(try take(region.buffer(byteCount: 2048))) }
    engine.collectSpares(from: &freeBuffers)
    check(freeBuffers.isEmpty)
    self.region = region
    self.engine = engine
  }

  func buffer(
    _ bytes: [UInt8], headroom: Int = 50, flags: BufferFlags = .last, byteCount: Int = 2048
  ) throws -> Buffer {
    var buffer = try take(region.buffer(byteCount: byteCount))
    let fits = buffer.fill(from: bytes.span, headroom: headroom)
    check(fits)
    buffer.flags = flags
    return buffer
  }

  /// Receives one frame.
  mutating func receive(
    _ bytes: [UInt8], headroom: Int = 50, flags: BufferFlags = .last, bufferByteCount: Int = 2048
  ) throws {
    engine.backlog.toReceive.append(try buffer(bytes, headroom: headroom, flags: flags, byteCount: bufferByteCount))
    if flags.contains(.last) { frameCount += 1 }
    engine.receive(into: &filled)
    engine.backlog.toFill.releaseAll()
  }

  /// Transmits one packet.
  mutating func transmit(
    to destination: IPv4Address = Frames.peer, from source: IPv4Address = .unspecified, protocol number: UInt8 = 17,
    ttl: UInt8 = 64, headroom: Int = 84, flags: BufferFlags = .last, _ payload: [UInt8] = Frames.udp()
  ) throws {
    var burst = Burst()
    var packet = try buffer(payload, headroom: headroom, flags: flags)
    packet.packetMetadata = PacketMetadata(
      source: source, destination: destination, protocol: IPProtocol(rawValue: number), timeToLive: ttl)
    burst.append(packet)
    let left = engine.transmit(&burst, 1)
    check(left == 0 && burst.isEmpty)
    burst.releaseAll()
  }

  /// Transmits one packet in so many buffers.
  mutating func transmit(chain count: Int) throws {
    var burst = Burst()
    for index in 0..<count { burst.append(try buffer(Frames.udp(), flags: index == count - 1 ? .last : [])) }
    let left = engine.transmit(&burst, count)
    check(left == 0 && burst.isEmpty)
    burst.releaseAll()
  }

  /// Lets time pass.
  mutating func advance(milliseconds count: UInt64) {
    milliseconds += count
    _ = engine.advance(to: MonotonicTime(nanoseconds: milliseconds * 1_000_000))
  }

  /// Sends what is to be sent, and gives the frames.
  mutating func frames() -> [[UInt8]] {
    var frames: [[UInt8]] = []
    while let buffer = engine.backlog.toTransmit.popFirst() {
      frames.append(buffer.array)
      engine.completed.append(buffer)
    }
    engine.complete(into: &sent)
    engine.backlog.toFill.releaseAll()
    return frames
  }

  /// How many of the user's buffers came back, sent or not.
  mutating func returnedCount() -> Int {
    engine.giveBack(into: &sent)
    let count = sent.count
    sent.releaseAll()
    return count
  }

  func drops(_ reason: IPDropReason) -> UInt64 { engine.counters[reason] }

  /// Every received frame has one fate.
  var isEachFrameCounted: Bool { engine.counters.receivedFrameCount == frameCount }
}

extension IPCounters {
  /// Received frames that were dropped.
  var receivedDropCount: UInt64 { IPDropReason.allCases.filter { !$0.isTransmit }.reduce(0) { $0 + self[$1] } }
  /// Packets from above that were dropped.
  var transmitDropCount: UInt64 { IPDropReason.allCases.filter(\.isTransmit).reduce(0) { $0 + self[$1] } }
  /// Received frames, by their fates.
  var receivedFrameCount: UInt64 { received.packets + receivedDropCount + consumed }
}

extension Buffer {
  /// The valid bytes.
  var array: [UInt8] { (0..<validByteCount).map { bytes[$0] } }
}
