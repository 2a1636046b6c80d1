import CleanQ
import CleanQPipeline
import Testing

@Suite("Pipelines in Swift") struct PipelineBuilderTests {
  static let total = 1000

  private func names(_ pipeline: Pipeline) throws -> [String] {
    let report = try pipeline.start(logger: RunTests.quiet).finish()
    #expect(report.lostByteCount == 0)
    return report.stages.map(\.report.name)
  }

  @Test("a stage may be there or not", arguments: [true, false])
  func optional(isCounted: Bool) throws {
    let tally = Tally()
    let pipeline = Pipeline {
      Generator(total: Self.total, tally: tally)
      if isCounted { Count() }
      Loopback()
    }
    #expect(try names(pipeline) == (isCounted ? ["generator", "count", "loopback"] : ["generator", "loopback"]))
    #expect(tally.returnedCount == Self.total)
  }

  @Test("several stages may be there or not, a handoff among them", arguments: [true, false])
  func optionalChain(isLong: Bool) throws {
    let tally = Tally()
    let pipeline = Pipeline {
      Generator(total: Self.total, tally: tally)
      if isLong {
        Count()
        Handoff()
        Checked()
      }
      Loopback()
    }
    let long = ["generator", "count", "checked", "loopback"]
    #expect(try names(pipeline) == (isLong ? long : ["generator", "loopback"]))
    #expect(tally.returnedCount == Self.total)
  }

  @Test("one of two stages in the middle, at the right end and at the left", arguments: [true, false])
  func either(isFirst: Bool) throws {
    let tally = Tally()
    let other = Tally()
    let pipeline = Pipeline {
      if isFirst { Generator(total: Self.total, tally: tally) } else { Generator(total: 7, tally: other) }
      if isFirst { Count() } else { Checked() }
      if isFirst { Loopback() } else { Loopback() }
    }
    #expect(try names(pipeline) == ["generator", isFirst ? "count" : "checked", "loopback"])
    #expect(tally.returnedCount == (isFirst ? Self.total : 0) && other.returnedCount == (isFirst ? 0 : 7))
  }

  @Test("pipelines of different stages are of one type, and can be kept")
  func storedWithoutTheirStages() throws {
    struct Plan {
      var pipelines: [String: Pipeline] = [:]
    }
    let tally = Tally()
    var plan = Plan()
    plan.pipelines["short"] = Pipeline {
      Generator(total: Self.total, tally: tally)
      Loopback()
    }
    plan.pipelines["long"] = Pipeline {
      Generator(total: Self.total, tally: tally)
      Count()
      Count()
      Loopback()
    }
    for (name, count) in [("short", 2), ("long", 4), ("short", 2)] {
      #expect(try names(try #require(plan.pipelines[name])).count == count)
    }
  }
}
