import CleanQ
import TestSupport
import Testing

@testable import CleanQPipeline

/// A right end that does what a test says, step by step.
private final class Hand {
  var arrived = BufferStore(capacity: 1024)
  var leaving = BufferStore(capacity: 1024)
  var sent = BufferStore(capacity: 1024)
  var emptied = BufferStore(capacity: 1024)
  var isShut = false
  /// The numbers of the packets that arrived and are not looked at yet.
  var numbers: [Int] = []
}

private struct HandPort: Port, ~Copyable {
  typealias Unit = Frame
  let hand: Hand
  var table = RegionTable()

  init(_ hand: Hand) { self.hand = hand }

  mutating func register(_ region: borrowing Region) throws(QueueError) { try table.insert(region) }
  mutating func deregister(_ region: borrowing Region) throws(QueueError) { try table.remove(region.id) }
  func refusal(of region: RegionID) -> Refusal? { table.contains(region) ? nil : .unknownRegion }

  mutating func fill(_ burst: inout Burst) -> Refusal? {
    hand.sent.append(contentsOf: &burst)
    return nil
  }

  mutating func receive(into burst: inout Burst) { hand.leaving.move(to: &burst) }

  mutating func transmit(_ burst: inout Burst) -> Refusal? {
    guard !burst.isEmpty else { return nil }
    guard !hand.isShut else { return .full }
    // Whole packets: the burst may end inside one.
    while let bufferCount = burst.packetBufferCount, bufferCount > 0 {
      hand.numbers.append(number(of: burst[0]))
      for _ in 0..<bufferCount { if let buffer = burst.popFirst() { hand.arrived.append(buffer) } }
    }
    return burst.isEmpty ? nil : .incompleteChain
  }

  mutating func complete(into burst: inout Burst) { hand.emptied.move(to: &burst) }
  mutating func sleep(_ step: SleepStep) -> Readiness {
    Readiness(hasWork: !hand.leaving.isEmpty || !hand.emptied.isEmpty)
  }

  func report(into report: inout PortReport) {
    hand.arrived.add(to: &report.accounts)
    hand.leaving.add(to: &report.accounts)
    hand.sent.add(to: &report.accounts)
    hand.emptied.add(to: &report.accounts)
    report.stages.append(StageReport("hand"))
  }
}

extension Junction where Left: ~Copyable, Right: ~Copyable {
  /// What waits here, and what both ports hold.
  fileprivate var allHeld: BufferAccounts {
    var held = held()
    held.addHoldings(of: left.accounts())
    held.addHoldings(of: right.accounts())
    return held
  }
}

private func number(of buffer: borrowing Buffer) -> Int {
  let bytes = buffer.bytes
  return (0..<8).reduce(0) { $0 | Int(bytes[16 + $1]) << (8 * $1) }
}

/// A fork whose other sides are played step by step, beside what should be where.
private struct Bench: ~Copyable {
  static let lanes = 3
  let region: Region
  let hands: [Hand]
  var fork: ForkPort<LaneSelector>
  var loops: [BranchLoop]
  var boxes: [BranchBox]
  var free = BufferStore(capacity: 1024)
  /// What the fork gave to be transmitted and is not completed yet, by the lane that it comes from.
  var below: [Int] = []
  var transmitted = BufferStore(capacity: 1024)
  var next = 0
  var expected = [Int](repeating: 0, count: 256)

  init(bufferCount: Int, shares: [Int?]) throws {
    let region = try Region(byteCount: bufferCount * 256)
    let hands = (0..<Self.lanes).map { _ in Hand() }
    var (boxes, loops): ([BranchBox], [BranchLoop]) = ([], [])
    for (index, hand) in hands.enumerated() {
      let box = BranchBox(name: "lane \(index)", share: shares[index], stage: index, link: .init())
      let loop = BranchLoop(AnyPort(BranchPort<Frame>(box)), AnyPort(HandPort(hand)))
      box.loop = loop
      boxes.append(box)
      loops.append(loop)
    }
    var fork = ForkPort<LaneSelector>(
      ForkBranches(boxes, keys: (0..<Self.lanes).map { ([$0], 0..<0) }, keyCount: 256))
    try fork.register(region)
    try fork.control(.bufferCount(bufferCount))
    for _ in 0..<bufferCount { if let buffer = region.buffer(byteCount: 256) { free.append(buffer) } }
    self.region = region
    self.hands = hands
    self.loops = loops
    self.boxes = boxes
    self.fork = fork
  }

  /// Packets of some lanes, 3 being nobody's, of up to three buffers.
  mutating func send(_ random: inout SeededGenerator) {
    var burst = Burst()
    for _ in 0..<Int.random(in: 1...20, using: &random) {
      let count = Int.random(in: 0..<4, using: &random) == 0 ? Int.random(in: 2...3, using: &random) : 1
      guard burst.room >= count, free.count >= count else { break }
      let lane = Int.random(in: 0...Self.lanes, using: &random)
      for index in 0..<count {
        guard var buffer = free.popFirst() else { return }
        buffer.reset()
        guard buffer.setValid(offset: 64, byteCount: 64) else { return }
        var bytes = buffer.mutableBytes
        for byte in 0..<8 { bytes[16 + byte] = UInt8(truncatingIfNeeded: next >> (8 * byte)) }
        bytes[24] = UInt8(lane)
        buffer.flags = index == count - 1 ? .last : []
        burst.append(buffer)
      }
      next += 1
    }
    while !burst.isEmpty {
      let refusal = fork.transmit(&burst)
      guard refusal != nil else { break }
      #expect(refusal == .full)
      takeBack()
    }
  }

  mutating func takeBack() {
    var burst = Burst()
    fork.complete(into: &burst)
    free.append(contentsOf: &burst)
  }

  mutating func receive() {
    var burst = Burst()
    fork.receive(into: &burst)
    for index in 0..<burst.count where !burst[index].flags.contains(.reply) {
      below.append(Int(burst[index].bytes[24]))
    }
    while let buffer = burst.popFirst() {
      // An answer comes back to the receive queue past the fork.
      if buffer.flags.contains(.reply) { free.append(buffer) } else { transmitted.append(buffer) }
    }
  }

  mutating func completeSome(_ count: Int) {
    var burst = Burst()
    for _ in 0..<min(count, transmitted.count, Burst.capacity) {
      guard let buffer = transmitted.popFirst() else { break }
      below.removeFirst()
      burst.append(buffer)
    }
    while !burst.isEmpty, fork.fill(&burst) != nil { takeBack() }
  }

  /// A branch does something with what it has.
  mutating func work(_ lane: Int, _ random: inout SeededGenerator) {
    let hand = hands[lane]
    hand.isShut = Int.random(in: 0..<4, using: &random) == 0
    for number in hand.numbers {
      #expect(number >= expected[lane], "out of order")
      expected[lane] = number + 1
    }
    hand.numbers.removeAll()
    while var buffer = hand.sent.popFirst() {
      buffer.flags = .last
      hand.emptied.append(buffer)
    }
    for _ in 0..<Int.random(in: 0...20, using: &random) {
      guard var buffer = hand.arrived.popFirst() else { break }
      buffer.flags = .last
      switch Int.random(in: 0..<10, using: &random) {
      case 0..<4: hand.emptied.append(buffer)
      case 4: buffer.release()
      case 5:
        buffer.flags = [.last, .reply]
        hand.leaving.append(buffer)
      default: hand.leaving.append(buffer)
      }
    }
  }

  /// Everybody's accounts, against what is where.
  mutating func check(_ limit: [Int]) {
    _ = fork.advance(to: .now)
    let reports = fork.report().stages
    for lane in 0..<Self.lanes {
      let lent = reports.first { $0.branch == lane }?.gauges.first { $0.name == "lent" }?.value
      let held = unsafe loops[lane].junction.pointee.allHeld.inFlightBufferCount
      let below = below.count { $0 == lane }
      #expect(lent.map(Int.init) == held + below)
      #expect(held + below <= limit[lane])
    }
  }
}

@Suite("Forks: accounts and order against a model") struct ForkModelTests {
  @Test("random steps", arguments: [[nil, nil, nil], [4, 30, nil], [1, 1, 1]] as [[Int?]])
  func randomSteps(_ shares: [Int?]) throws {
    let seed = UInt64.random(in: 0...UInt64.max)
    var random = SeededGenerator(seed: seed)
    var bench = try Bench(bufferCount: 120, shares: shares)
    let given = shares.reduce(0) { $0 + ($1 ?? 0) }
    let rest = shares.count { $0 == nil }
    let limits = shares.map { $0 ?? (120 - given) / rest }
    for _ in 0..<3000 {
      switch Int.random(in: 0..<6, using: &random) {
      case 0, 1: bench.send(&random)
      case 2: bench.receive()
      case 3: bench.work(Int.random(in: 0..<Bench.lanes, using: &random), &random)
      case 4: bench.completeSome(Int.random(in: 1...20, using: &random))
      default: bench.takeBack()
      }
      bench.check(limits)
    }
    try end(&bench, seed)
  }

  /// Brings everything home, and deregisters.
  private func end(_ bench: inout Bench, _ seed: UInt64) throws {
    for hand in bench.hands { hand.isShut = false }
    for _ in 0..<200 {
      for hand in bench.hands {
        while var buffer = hand.arrived.popFirst() {
          buffer.flags = .last
          hand.emptied.append(buffer)
        }
        while let buffer = hand.sent.popFirst() { hand.emptied.append(buffer) }
      }
      bench.receive()
      bench.completeSome(Burst.capacity)
      bench.takeBack()
    }
    bench.check([0, 0, 0])
    #expect(bench.free.count == bench.region.liveBufferCount, "seed \(seed)")
    try bench.fork.deregister(bench.region)
    #expect(bench.fork.accounts() == BufferAccounts())
  }

  @Test("a region cannot be deregistered while a branch has bytes of it; one that is unknown is refused")
  func registration() throws {
    var bench = try Bench(bufferCount: 8, shares: [nil, nil, nil])
    var random = SeededGenerator(seed: 3)
    while bench.free.count > 4 { bench.send(&random) }
    bench.receive()
    #expect(throws: QueueError.self) { try bench.fork.deregister(bench.region) }
    #expect(throws: QueueError.self) { try bench.fork.register(bench.region) }
    let other = try Region(byteCount: 4096)
    var burst = Burst()
    guard var buffer = other.buffer(byteCount: 256) else { return }
    _ = buffer.setValid(offset: 64, byteCount: 64)
    burst.append(buffer)
    #expect(bench.fork.refusal(of: other.id) == .unknownRegion)
    #expect(bench.fork.transmit(&burst) == .unknownRegion && burst.count == 1)
    #expect(bench.fork.fill(&burst) == .unknownRegion && burst.count == 1)
    burst[0].flags = []
    burst.releaseAll()
    #expect(throws: QueueError(.notRegistered, context: "\(other.id)")) { try bench.fork.deregister(other) }
    try end(&bench, 3)
  }

  @Test("a packet in several buffers is taken whole or not at all")
  func chains() throws {
    var bench = try Bench(bufferCount: 8, shares: [2, nil, nil])
    var burst = Burst()
    for _ in 0..<3 {
      guard var buffer = bench.free.popFirst(), buffer.setValid(offset: 64, byteCount: 64) else { return }
      var bytes = buffer.mutableBytes
      bytes[24] = 0
      buffer.flags = []
      burst.append(buffer)
    }
    #expect(bench.fork.transmit(&burst) == .incompleteChain && burst.count == 3)
    burst[2].flags = .last
    // More than the branch's share: all three come back.
    #expect(bench.fork.transmit(&burst) == nil && burst.isEmpty)
    bench.takeBack()
    #expect(bench.free.count == 8)
    bench.check([0, 0, 0])
  }

  @Test("more branches than a region has notes are an error with a sentence, and nothing stays registered")
  func tooMany() throws {
    let region = try Region(byteCount: 65_536)
    func fork(_ count: Int) -> ForkPort<LaneSelector> {
      let boxes = (0..<count).map { index in
        let box = BranchBox(name: "\(index)", share: nil, stage: index, link: .init())
        box.loop = BranchLoop(AnyPort(BranchPort<Frame>(box)), AnyPort(LoopbackPort<Frame>()))
        return box
      }
      return ForkPort(ForkBranches(boxes, keys: (0..<count).map { ([$0], 0..<0) }, keyCount: 256))
    }
    var first = fork(20)
    try first.register(region)
    var second = fork(5)
    #expect {
      try second.register(region)
    } throws: { error in
      "\(error)".contains("all branches, interlinks and checks of a pipeline are more than 24; take some out")
    }
    var third = fork(4)
    try third.register(region)
    try third.deregister(region)
    try first.deregister(region)
  }
}
