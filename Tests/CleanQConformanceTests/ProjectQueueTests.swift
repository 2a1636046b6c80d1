import CleanQ
import CleanQConformance
import CleanQNet
import CleanQPipeline
import Testing

/// Every queue and port of the project, alone and in stacks.
@Suite("Conformance: the project's queues") struct ProjectQueueTests {
  /// What a queue must have been put to, whatever its kind.
  static let everyQueue: Set<Rule> = [
    .setUp, .conservation, .exclusion, .order, .capacity, .integrity, .handBack, .register, .deregister, .regions,
    .generation, .bounds, .splitMerge, .runs, .bursts, .accounts, .notify, .destroy,
  ]
  /// Where the other end is a queue too.
  static let everyPair: Set<Rule> = everyQueue.union([.owner, .peerGone])

  private func expect(_ report: ConformanceReport, _ rules: Set<Rule>) {
    #expect(report.isConforming, "\(report)")
    #expect(report.passedRules.isSuperset(of: rules), "not put to the test: \(rules.subtracting(report.passedRules))")
  }

  @Test("RingQueue, both ends", arguments: [2, 8, 64])
  func ringQueue(slotCount: Int) {
    let report = Conformance.check("ring of \(slotCount)", Traits(capacity: slotCount)) {
      let pair = try RingQueue.pair(slotCount: slotCount)
      return Ends(pair.first, pair.second)
    }
    expect(report, Self.everyPair)
  }

  @Test("RingQueue, its capacity measured")
  func measured() {
    let report = Conformance.check("ring") {
      let pair = try RingQueue.pair(slotCount: 8)
      return Ends(pair.first, pair.second)
    }
    expect(report, Self.everyPair.subtracting([.bursts]))
  }

  @Test("a stated capacity that is not the real one is a breach")
  func wrongCapacity() {
    let report = Conformance.check("ring of 8", Traits(capacity: 16)) {
      let pair = try RingQueue.pair(slotCount: 8)
      return Ends(pair.first, pair.second)
    }
    #expect(report.failedRules.contains(.capacity))
  }

  @Test("LoopbackQueue")
  func loopbackQueue() {
    expect(Conformance.check("loopback", Traits(capacity: 32), loopback: { LoopbackQueue() }), Self.everyQueue)
  }

  @Test("RingPort, both ends and both sides", arguments: [4, 16])
  func ringPort(slotCount: Int) {
    let report = Conformance.check(port: "interlink", Traits(capacity: slotCount)) {
      let pair = try RingPort<Frame>.pair(slotCount: slotCount)
      return Ends(pair.first, pair.second)
    }
    expect(report, Self.everyPair)
  }

  @Test("LoopbackPort, both sides")
  func loopbackPort() {
    let report = Conformance.check(port: "loopback", Traits(capacity: 32), loopback: { LoopbackPort<Packet>() })
    expect(report, Self.everyQueue)
  }

  @Test("EchoPort, both sides")
  func echoPort() {
    var traits = Traits(capacity: 32)
    traits.rewrites = true
    let report = Conformance.check(
      port: "echo", traits, prepare: { buffer, _ in _ = buffer.setValid(offset: 0, byteCount: 20) },
      loopback: { EchoPort<Frame>() })
    expect(report, Self.everyQueue.subtracting([.integrity, .splitMerge]))
  }

  // MARK: Stacks

  @Test("count over an interlink, and over a loopback")
  func count() {
    let report = Conformance.check(port: "count over an interlink", Traits(capacity: 8)) {
      let pair = try RingPort<Frame>.pair(slotCount: 8)
      return Ends(CountPort(on: pair.first), CountPort(on: CountPort(on: pair.second)))
    }
    expect(report, Self.everyPair)
    let loopback = Conformance.check(
      port: "count over a loopback", Traits(capacity: 32), loopback: { CountPort(on: LoopbackPort<Frame>()) })
    expect(loopback, Self.everyQueue)
  }

  @Test("ports whose types were erased")
  func erased() {
    let report = Conformance.check(port: "erased", Traits(capacity: 8)) {
      let pair = try RingPort<Datagram>.pair(slotCount: 8)
      return Ends(AnyPort(CountPort(on: AnyPort(pair.first))), AnyPort(pair.second))
    }
    expect(report, Self.everyPair)
  }

  @Test("an interlink's two halves as queues, one end of a ring against the other")
  func portQueues() {
    var traits = Traits()
    traits.prefetches = true
    let report = Conformance.check("transmit queue and receive queue", traits) {
      let pair = try RingPort<Frame>.pair(slotCount: 8)
      return Ends(PortQueue(.transmit, of: pair.first), PortQueue(.receive, of: pair.second))
    }
    expect(report, Self.everyPair.subtracting([.bursts]))
  }
}
