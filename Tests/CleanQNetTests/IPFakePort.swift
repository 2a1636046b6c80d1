import CleanQ
import Testing
import TestSupport

/// A device that receives what a test puts in its inbox, keeps what is sent in its outbox, and refuses at random.
struct FakePort: Port, ~Copyable {
  typealias Unit = Frame

  var random: SeededGenerator
  /// How often a call is cut short, in percent.
  var refusalPercent = 40
  var inbox: [[UInt8]] = []
  var outbox: [[UInt8]] = []
  /// Frames given up, a chain being one.
  var receivedFrameCount: UInt64 = 0
  var headroom = 50
  private var region = RegionID.none
  private var registeredByteCount = 0
  private var freeBuffers = Burst()
  private var sent = Burst()
  private var isInsideChain = false

  init(seed: UInt64) { random = SeededGenerator(seed: seed) }

  mutating func register(_ region: borrowing Region) throws(QueueError) {
    self.region = region.id
    registeredByteCount = region.byteCount
  }

  mutating func deregister(_ region: borrowing Region) throws(QueueError) {
    let held = accounts()
    guard held.inFlightByteCount == 0 else { throw QueueError(.elsewhere(byteCount: held.inFlightByteCount)) }
    self.region = .none
    registeredByteCount = 0
  }

  /// How many of so many buffers this call moves.
  private mutating func share(of count: Int) -> Int {
    guard count > 0, Int.random(in: 0..<100, using: &random) < refusalPercent else { return count }
    return Int.random(in: 0...count, using: &random)
  }

  /// Takes nothing to be sent.
  var isStalled = false
  /// The other side has gone.
  var isClosed = false
  /// Says that it takes what it then refuses.
  var acceptsAnything = false

  func refusal(of region: RegionID) -> Refusal? { acceptsAnything || region == self.region ? nil : .unknownRegion }

  mutating func fill(_ burst: inout Burst) -> Refusal? {
    for _ in 0..<share(of: min(burst.count, freeBuffers.room)) {
      guard burst[0].region == region else { return .unknownRegion }
      if let buffer = burst.popFirst() { freeBuffers.append(buffer) }
    }
    return burst.isEmpty ? nil : .full
  }

  mutating func receive(into filled: inout Burst) {
    for _ in 0..<share(of: min(filled.room, freeBuffers.count, inbox.count)) {
      guard var buffer = freeBuffers.popFirst() else { return }
      let frame = inbox.removeLast()
      buffer.reset()
      let fits = buffer.fill(from: frame.span, headroom: headroom)
      check(fits)
      // One in a hundred is the beginning of a chain.
      isInsideChain = Int.random(in: 0..<100, using: &random) == 0
      buffer.flags = isInsideChain ? [] : .last
      if !isInsideChain { receivedFrameCount += 1 }
      filled.append(buffer)
    }
  }

  mutating func transmit(_ burst: inout Burst) -> Refusal? {
    guard !isClosed else { return .closed }
    guard !isStalled else { return .full }
    for _ in 0..<share(of: min(burst.count, sent.room)) {
      guard burst[0].region == region else { return .unknownRegion }
      check(burst[0].flags.contains(.last))
      if let buffer = burst.popFirst() {
        outbox.append(buffer.array)
        sent.append(buffer)
      }
    }
    return burst.isEmpty ? nil : burst[0].region == region ? .full : .unknownRegion
  }

  mutating func complete(into burst: inout Burst) {
    for _ in 0..<share(of: min(burst.room, sent.count)) {
      if let buffer = sent.popFirst() { burst.append(buffer) }
    }
  }

  /// Takes the free buffers back, so that a region can be deregistered.
  mutating func releaseFreeBuffers() { freeBuffers.releaseAll() }

  /// What it says is its own; nil for a port that does not say.
  var hardwareAddress: UInt64?

  var capabilities: PortCapabilities {
    PortCapabilities(link: .init(maximumPacketByteCount: 1514, hardwareAddress: hardwareAddress))
  }

  mutating func sleep(_ step: SleepStep) -> Readiness { Readiness(hasWork: !inbox.isEmpty || !sent.isEmpty) }

  func report(into report: inout PortReport) {
    report.accounts.registeredByteCount = registeredByteCount
    report.accounts.addInFlight(freeBuffers)
    report.accounts.addInFlight(sent)
    report.stages.append(StageReport("fake"))
  }
}
