import CleanQ
import FuzzSupport

/// A device that receives what the fuzzer says and takes as much in one call as the fuzzer says.
struct FuzzPort: Port, ~Copyable {
  typealias Unit = Frame

  /// A frame, or a part of one, that is to be received.
  struct Arrival {
    var bytes: [UInt8]
    var headroom = 50
    var isLast = true
  }

  /// The most buffers that one call moves.
  var limit = Burst.capacity
  var inbox: [Arrival] = []
  /// Frames that were sent.
  var outbox: [[UInt8]] = []
  /// Whole frames given up.
  var frameCount: UInt64 = 0
  private var region = RegionID.none
  private var registeredByteCount = 0
  private var freeBuffers = Burst()
  private var sent = Burst()

  init() {}

  mutating func register(_ region: borrowing Region) throws(QueueError) {
    self.region = region.id
    registeredByteCount = region.byteCount
  }

  mutating func deregister(_ region: borrowing Region) throws(QueueError) {
    let held = accounts().inFlightByteCount
    guard held == 0 else { throw QueueError(.elsewhere(byteCount: held)) }
    registeredByteCount = 0
  }

  func refusal(of region: RegionID) -> Refusal? { region == self.region ? nil : .unknownRegion }

  mutating func fill(_ burst: inout Burst) -> Refusal? {
    for _ in 0..<min(limit, burst.count, freeBuffers.room) {
      let isOurs = burst[0].region == region && burst[0].byteCount == StackRig.bufferByteCount
      require(isOurs, "a device gets the buffers that there are")
      if let buffer = burst.popFirst() { freeBuffers.append(buffer) }
    }
    return burst.isEmpty ? nil : .full
  }

  mutating func receive(into filled: inout Burst) {
    for _ in 0..<min(limit, filled.room, freeBuffers.count, inbox.count) {
      guard var buffer = freeBuffers.popFirst() else { return }
      let arrival = inbox.removeFirst()
      buffer.reset()
      let exact = ExactBytes(arrival.bytes)
      require(buffer.fill(from: exact.span, headroom: arrival.headroom), "a frame fits its buffer")
      buffer.flags = arrival.isLast ? .last : []
      if arrival.isLast { frameCount += 1 }
      filled.append(buffer)
    }
  }

  mutating func transmit(_ burst: inout Burst) -> Refusal? {
    for _ in 0..<min(limit, burst.count, sent.room) {
      require(burst[0].region == region && burst[0].flags.contains(.last), "a device gets whole frames")
      guard let buffer = burst.popFirst() else { break }
      outbox.append((0..<buffer.validByteCount).map { buffer.bytes[$0] })
      sent.append(buffer)
    }
    return burst.isEmpty ? nil : .full
  }

  mutating func complete(into burst: inout Burst) {
    for _ in 0..<min(limit, burst.room, sent.count) { if let buffer = sent.popFirst() { burst.append(buffer) } }
  }

  /// Takes the free buffers back, so that the region can be deregistered.
  mutating func releaseFreeBuffers() { freeBuffers.releaseAll() }

  var capabilities: PortCapabilities { PortCapabilities(link: .init(maximumPacketByteCount: 1514)) }

  mutating func sleep(_ step: SleepStep) -> Readiness { Readiness(hasWork: !inbox.isEmpty || !sent.isEmpty) }

  func report(into report: inout PortReport) {
    report.accounts.registeredByteCount = registeredByteCount
    report.accounts.addInFlight(freeBuffers)
    report.accounts.addInFlight(sent)
    report.stages.append(StageReport("fuzz"))
  }
}
