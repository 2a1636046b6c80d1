import CleanQ
import CleanQPipeline
import Logging
import Testing

/// What the instances of a device have in common: one tally for each.
private final class SharedDevice {
  var openCount = 0
}

/// A device with a queue pair for each of its tallies.
private struct Pairs: EndStage {
  typealias Unit = Frame
  let total: Int
  let tallies: [Tally]
  var wantsShared = false

  var shape: StageShape { .end(.frame, right: true) }
  var instances: ClosedRange<Int> { tallies.count...tallies.count }

  func open(in context: PipelineContext) throws(StageError) -> PairPort {
    let device = try context.shared { () throws(StageError) in SharedDevice() }
    device.openCount += 1
    // Each instance finds what those before it did.
    guard device.openCount == context.instanceIndex + 1, context.instanceCount == tallies.count else {
      throw StageError("pairs", "the instances do not share the device")
    }
    return PairPort(
      lower: GeneratorPort(total: total, tally: tallies[context.instanceIndex]), wantsShared: wantsShared)
  }
}

private struct PairPort: StackedPort, ~Copyable {
  typealias Unit = Frame
  var lower: GeneratorPort<Frame>
  let wantsShared: Bool
  var hasFile = false

  var capabilities: PortCapabilities {
    var capabilities = lower.capabilities
    capabilities.wantedBacking = wantsShared ? .shared : .anonymous
    return capabilities
  }

  mutating func register(_ region: borrowing Region) throws(QueueError) {
    hasFile = region.fileDescriptor != nil
    try lower.register(region)
  }

  func report(into report: inout PortReport) {
    var own = StageReport("pairs")
    own.received.add(byteCount: 100)
    own.drops = [StageReport.Count("late", 1)]
    own.counters = [StageReport.Count("shared-regions", hasFile ? 1 : 0)]
    report.accounts = lower.accounts()
    report.stages.append(own)
  }
}

@Suite("Copies of a pipeline", .timeLimit(.minutes(2))) struct InstancesTests {
  static let quiet = RunTests.quiet

  /// The instances stop together, when the first of them has its packets back.
  private func expect(_ report: PipelineReport, _ tallies: [Tally], isShared: Bool) {
    #expect(report.lostByteCount == 0)
    // The generator holds one burst.
    #expect(report.bufferCount == Burst.capacity * tallies.count)
    let registered = isShared ? 2 << 20 : 256 * (2048 + 64)
    #expect(report.accounts.registeredByteCount == registered * tallies.count)
    #expect(tallies.contains { $0.returnedCount == RunTests.total })
    for tally in tallies {
      #expect(tally.sentCount == tally.returnedCount && tally.returnedCount > 0 && tally.wrongCount == 0)
      #expect(!tally.isStillOpen)
    }
    let returned = UInt64(tallies.reduce(0) { $0 + $1.returnedCount })
    #expect(report.stages.map(\.report.name) == ["pairs", "count", "loopback"])
    #expect(report.stages[1].report.received.packets == returned)
    #expect(report.stages[1].report.transmitted.bytes == returned * 64)
    let pairs = report.stages[0].report
    #expect(pairs.received.packets == 2 && pairs.received.bytes == 200)
    #expect(pairs.drops == [StageReport.Count("late", 2)])
    #expect(pairs.counters == [StageReport.Count("shared-regions", isShared ? 2 : 0)])
    #expect(report.stages.map(\.cpus) == [[0, 1], [0, 1], [0, 1]])
  }

  @Test("each has its own buffers and loop; the report is their sum", arguments: [false, true])
  func swift(isShared: Bool) throws {
    let tallies = [Tally(), Tally()]
    let running = try Pipeline {
      Pairs(total: RunTests.total, tallies: tallies, wantsShared: isShared)
      Count()
      Loopback()
    }.start(onEach: [0, 1], logger: Self.quiet)
    expect(running.finish(), tallies, isShared: isShared)
  }

  @Test("a text makes the same")
  func text() throws {
    let tallies = [Tally(), Tally()]
    let pairs = StageKind(name: "pairs", summary: "generates", shapes: [.end(.frame, right: true)]) {
      _ throws(ArgumentError) in Pairs(total: RunTests.total, tallies: tallies)
    }
    let catalog = StageCatalog([pairs, Count.kind, Loopback.kind])
    let checked = try PipelineText.check("pairs@0,1 | count | loopback", catalog: catalog, cpuCount: 2)
    let report = try Pipeline(checked).start(logger: Self.quiet).finish()
    expect(report, tallies, isShared: false)
    #expect(report.stages.map(\.text) == ["pairs@0,1", "count", "loopback"])
  }

  @Test("a wish for shared memory of any stage in any loop is heard")
  func wish() throws {
    let tally = Tally()
    let report = try Pipeline {
      Pairs(total: RunTests.total, tallies: [tally], wantsShared: true)
      Handoff()
      Count()
      Loopback()
    }.start(logger: Self.quiet).finish()
    let counters = report.stages.first?.report.counters
    #expect(counters == [StageReport.Count("shared-regions", 1)] && report.lostByteCount == 0)
  }

  @Test("stop drains every instance")
  func stop() throws {
    let tallies = [Tally(), Tally()]
    let running = try Pipeline {
      Pairs(total: .max, tallies: tallies)
      Loopback()
    }.start(onEach: [0, 1], logger: Self.quiet)
    while tallies.contains(where: { $0.returnedCount < 1000 }) {}
    running.stop()
    #expect(running.finish().lostByteCount == 0)
    for tally in tallies { #expect(tally.sentCount == tally.returnedCount) }
  }

  @Test("a stage that cannot stand in so many instances is refused, and everything closed")
  func refused() {
    let tally = Tally()
    #expect(
      throws: StageError("Generator", "\"Generator\" can be opened once only, not by 2 instances; write one CPU")
    ) {
      _ = try Pipeline {
        Generator(total: 1, tally: tally)
        Discard()
      }.start(onEach: [0, 1], logger: Self.quiet)
    }
    let tallies = [Tally(), Tally()]
    #expect(throws: StageError.self, "two queues, one instance") {
      _ = try Pipeline {
        Pairs(total: 1, tallies: tallies)
        Discard()
      }.start(logger: Self.quiet)
    }
    #expect(throws: StageError("pipeline", "CPU 1 is listed twice; list each once")) {
      _ = try Pipeline {
        Pairs(total: 1, tallies: tallies)
        Discard()
      }.start(onEach: [1, 1], logger: Self.quiet)
    }
    #expect(throws: StageError("broken", "is broken; mend it"), "the second end of the second copy") {
      _ = try Pipeline {
        Pairs(total: 1, tallies: tallies)
        BreaksLate()
      }.start(onEach: [0, 1], logger: Self.quiet)
    }
    #expect(!tally.isStillOpen && tallies.allSatisfy { !$0.isStillOpen })
  }
}

/// Opens in the first instance only.
private struct BreaksLate: EndStage {
  typealias Unit = Frame
  var shape: StageShape { .end(.frame, right: true) }
  var instances: ClosedRange<Int> { 1...2 }

  func open(in context: PipelineContext) throws(StageError) -> LoopbackPort<Frame> {
    if context.instanceIndex == 1 { throw StageError("broken", "is broken; mend it") }
    return LoopbackPort()
  }
}
