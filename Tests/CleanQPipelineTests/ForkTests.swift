import CleanQ
import CleanQPipeline
import Glibc
import Logging
import Testing

@Suite("Forks", .timeLimit(.minutes(3))) struct ForkTests {
  private static let quiet = RunTests.quiet

  /// Runs a pipeline from a text with a `lanes` device until `isOver`, and stops it.
  private func run(
    _ text: String, _ tally: LanesPort.Tally, gate: GateState = GateState(), while runs: () -> Bool
  ) throws -> PipelineReport {
    let lanes = StageKind(name: "lanes", summary: "sends frames", shapes: [.end(.frame, right: true)]) {
      _ throws(ArgumentError) in Lanes(tally: tally)
    }
    let gateKind = StageKind(name: "gate", summary: "opens and shuts", shapes: [.sink]) {
      _ throws(ArgumentError) in Gate(state: gate)
    }
    let catalog = StageCatalog([lanes, gateKind, Lane.kind, Count.kind, Loopback.kind, Discard.kind])
    let checked = try PipelineText.check(text, catalog: catalog, cpuCount: 2)
    let running = try TextPipeline(checked).start(logger: Self.quiet)
    while runs() { usleep(1000) }
    running.stop()
    return running.finish()
  }

  private func stage(_ path: String, _ report: PipelineReport) throws -> PipelineReport.Stage {
    try #require(report.stages.first { $0.path == path }, "\(report.stages.map(\.path))")
  }

  private func count(_ name: String, _ counts: [StageReport.Count]) -> UInt64 {
    counts.first { $0.name == name }?.value ?? 0
  }

  private func expectNothingLost(_ report: PipelineReport) {
    #expect(report.lostByteCount == 0 && report.isExact, "\(report)")
    for stage in report.stages { #expect(count("lent", stage.report.gauges) == 0, "\(report)") }
  }

  @Test(
    "each branch gets its packets and sends them in order",
    arguments: [
      "lanes { lane(1) | loopback; lane(2) | loopback; lane(3) | count | loopback }",
      "lanes | count { lane(1) | loopback; count | lane(2) | loopback; lane(3) | count | loopback; }",
      "lanes@0 { lane(1)@1 | loopback; lane(2) | count@1 | loopback; lane(3) | loopback }",
      "lanes@0 { lane(1)@1 | count@0 | loopback; lane(2)@1 | loopback; lane(3)@0 | loopback }",
      "lanes@0 | count@1 { lane(1)@0 | loopback; lane(2) | loopback; lane(3) | loopback }",
      "lanes { lane(1, 2) { lane(1) | loopback; lane(2) | loopback }; lane(3) | loopback }",
      "lanes@0 { lane(1, 2)@1 { lane(1) | loopback; lane(2)@0 | loopback }; lane(3) | loopback }",
      "lanes { lane(1, 2, share: 100) { lane(1)@0 | loopback; lane(2, share: 20)@1 | loopback }; lane(3) | loopback }",
    ])
  func order(_ text: String) throws {
    let tally = LanesPort.Tally(lanes: [1, 2, 3], returning: [1, 2, 3], total: 4000)
    let limit = MonotonicTime.now.advanced(byMilliseconds: 60_000)
    let report = try run(text, tally) {
      let over = tally.sent.load(ordering: .acquiring) == 12_000
      return !over && MonotonicTime.now < limit
    }
    #expect(tally.wrong.load(ordering: .acquiring) == 0)
    #expect(tally.sent.load(ordering: .acquiring) == 12_000)
    let dropped = report.stages.flatMap(\.report.drops).reduce(0) { $0 + $1.value }
    #expect(tally.returned.load(ordering: .acquiring) + Int(dropped) == 12_000, "\(report)")
    expectNothingLost(report)
    #expect(Set(report.stages.map(\.path)).count == report.stages.count, "\(report.stages.map(\.path))")
  }

  @Test("claims are made and withdrawn while packets come")
  func changingClaims() throws {
    let tally = LanesPort.Tally(lanes: [1, 2], returning: [], total: 1 << 40)
    let (one, other) = (GateState(), GateState())
    let (keeper, otherKeeper) = (ClaimKeeper(), ClaimKeeper())
    let running = try Pipeline {
      Lanes(tally: tally) {
        Lane(1, keeper: keeper) { Gate(state: one) }
        Lane(keeper: otherKeeper) { Gate(state: other) }
      }
    }.start(logger: Self.quiet)
    /// Waits until so many more have passed a gate.
    func wait(for gate: GateState, _ count: Int = 2000) {
      let wanted = gate.passed.load(ordering: .acquiring) + count
      let limit = MonotonicTime.now.advanced(byMilliseconds: 60_000)
      while gate.passed.load(ordering: .acquiring) < wanted, MonotonicTime.now < limit { usleep(1000) }
    }
    wait(for: one)
    #expect(other.passed.load(ordering: .acquiring) == 0)
    let claims = try #require(keeper.claims)
    let otherClaims = try #require(otherKeeper.claims)
    #expect(throws: ClaimError.self) { try otherClaims.claim(Lane.claim(1)) }
    #expect(throws: ClaimError.self) { try claims.claim(Lane.claim(1)) }
    try otherClaims.claim(Lane.claim(2))
    wait(for: other)
    #expect(other.passed.load(ordering: .acquiring) >= 2000)
    // Not its own: nothing happens.
    otherClaims.withdraw(Lane.claim(1))
    wait(for: one)
    claims.withdraw(Lane.claim(1))
    wait(for: other)
    let passed = one.passed.load(ordering: .acquiring)
    wait(for: other)
    #expect(one.passed.load(ordering: .acquiring) == passed)
    try otherClaims.claim(Lane.claim(1))
    running.stop()
    let report = running.finish()
    expectNothingLost(report)
    #expect(count("unclaimed", report.stages[0].report.drops) > 0, "\(report)")
    // Too late, and of no effect.
    otherClaims.withdraw(Lane.claim(1))
  }

  @Test("a branch that stops has its share and no more, and the other loses nothing", arguments: ["", "@1"])
  func stopped(_ mark: String) throws {
    let gate = GateState()
    gate.isShut.store(true, ordering: .releasing)
    let tally = LanesPort.Tally(lanes: [1, 2], returning: [1], total: .max / 4)
    let start = MonotonicTime.now
    let report = try run("lanes { lane(1) | loopback; lane(2, share: 40)\(mark) | gate }", tally, gate: gate) {
      let now = MonotonicTime.now
      let limit = start.advanced(byMilliseconds: 60_000)
      let isDone = now > start.advanced(byMilliseconds: 2000) && tally.returned.load(ordering: .acquiring) > 3000
      guard isDone || now > limit else { return true }
      // It opens before the end, so that what it has comes home.
      gate.isShut.store(false, ordering: .releasing)
      return gate.passed.load(ordering: .acquiring) < 40 && now < limit
    }
    let (first, second) = (try stage("lanes/lane:1", report), try stage("lanes/lane:2", report))
    #expect(first.report.drops.isEmpty, "\(report)")
    #expect(tally.wrong.load(ordering: .acquiring) == 0)
    #expect(tally.returned.load(ordering: .acquiring) > 3000)
    #expect(second.report.drops.reduce(0) { $0 + $1.value } > 1000, "\(report)")
    #expect(count("share", second.report.gauges) == 40)
    #expect(count("share", first.report.gauges) == 256 - 40)
    expectNothingLost(report)
  }

  @Test("while a branch is stopped, what it has is at most its share, and the account says so")
  func held() throws {
    let gate = GateState()
    gate.isShut.store(true, ordering: .releasing)
    let tally = LanesPort.Tally(lanes: [1, 2], returning: [1], total: .max / 4)
    let start = MonotonicTime.now
    let report = try run("lanes { lane(1) | loopback; lane(2, share: 50) | count | gate }", tally, gate: gate) {
      MonotonicTime.now < start.advanced(byMilliseconds: 500)
    }
    // It never opened: what it has, it has still, and it is counted.
    let second = try stage("lanes/lane:2", report)
    #expect((33...50).contains(count("lent", second.report.gauges)), "\(report)")
    #expect(count("share-used-up", second.report.drops) + count("branch-full", second.report.drops) > 0)
    #expect(report.lostByteCount == 0 && report.isExact)
  }

  @Test("what nobody claims is counted at the stage below, and goes back")
  func unclaimed() throws {
    let tally = LanesPort.Tally(lanes: [1, 2, 9], returning: [1], total: 1000)
    let report = try run("lanes | count { lane(1) | loopback; lane(2) | discard }", tally) {
      tally.returned.load(ordering: .acquiring) < 1000
    }
    #expect(count("unclaimed", try stage("count", report).report.drops) >= 990)
    #expect(try stage("count/lane:2/discard", report).report.transmitted.packets >= 990)
    expectNothingLost(report)
  }

  @Test("shares that are more than there is are refused")
  func tooLarge() throws {
    let tally = LanesPort.Tally(lanes: [1], returning: [1], total: 1)
    #expect {
      _ = try run("lanes { lane(1, share: 200) | loopback; lane(2, share: 100) | discard }", tally) { false }
    } throws: { error in
      "\(error)".contains("the shares of the branches are 300 buffers, of 256 for 2 branches; lower them")
    }
  }

  @Test("a device at the right end of a branch", arguments: ["", "@1"])
  func device(_ mark: String) throws {
    let tally = LanesPort.Tally(lanes: [1, 2], returning: [1, 2], total: 3000)
    let report = try run("lanes { lane(1) | loopback; lane(2)\(mark) | lanes }", tally) {
      tally.returned.load(ordering: .acquiring) < 3000
    }
    #expect(report.lostByteCount == 0 && report.isExact, "\(report)")
  }

  @Test("a program with forks")
  func program() throws {
    let tally = LanesPort.Tally(lanes: [1, 2, 3], returning: [1, 3], total: 4000)
    let running = try Pipeline {
      Lanes(tally: tally)
      Count()
      Lane(1, 2, 3) {
        Lane(1) { Loopback() }
        Lane(2) {
          Count()
          Discard()
        }.share(30)
        Lane(3) {
          Handoff()
          Count()
          Lane(3) {
            Lane(3) { Loopback() }
          }
        }
      }
    }.start(logger: Self.quiet)
    while tally.sent.load(ordering: .acquiring) < 12_000 { usleep(1000) }
    running.stop()
    let report = running.finish()
    #expect(tally.wrong.load(ordering: .acquiring) == 0)
    #expect(
      report.stages.map(\.path) == [
        "lanes", "count", "lane", "lane-2", "loopback", "lane-3", "count-2", "discard", "lane-4", "count-3", "lane-5",
        "lane-6", "loopback-2",
      ])
    #expect(count("share", report.stages[5].report.gauges) == 30)
    expectNothingLost(report)
  }

  @Test("a program whose device has a fork, and one with mistakes")
  func programs() throws {
    let tally = LanesPort.Tally(lanes: [1, 2], returning: [1], total: 1000)
    let running = try Pipeline {
      Lanes(tally: tally) {
        Lane(1) { Loopback() }
        Lane(2) { Discard() }
      }
    }.start(logger: Self.quiet)
    while tally.sent.load(ordering: .acquiring) < 2000 { usleep(1000) }
    running.stop()
    expectNothingLost(running.finish())
    #expect(throws: StageError("Lanes", "lane 1 is claimed twice: by branch 1 and by branch 2; take one out")) {
      _ = try Pipeline {
        Lanes(tally: tally) {
          Lane(1) { Loopback() }
          Lane(3, 1) { Discard() }
        }
      }.start(logger: Self.quiet)
    }
  }
}
