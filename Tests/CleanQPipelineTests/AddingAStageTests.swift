import CleanQ
import CleanQPipeline
import Foundation
import Testing

// The article "Adding a stage", followed. Its code stands here as it does there.

@frozen
public struct LongestPort<Lower: Port & ~Copyable>: StackedPort, ~Copyable {
  public typealias Unit = Lower.Unit
  public var lower: Lower
  @usableFromInline var longest = 0

  @inlinable
  public init(on lower: consuming Lower) { self.lower = lower }

  @inlinable
  public mutating func receive(into filled: inout Burst) {
    let before = filled.count
    lower.receive(into: &filled)
    for index in before..<filled.count { longest = max(longest, filled[index].validByteCount) }
  }

  public func report(into reports: inout [StageReport]) {
    lower.report(into: &reports)
    var report = StageReport("longest")
    report.gauges = [StageReport.Count("longest", UInt64(longest))]
    reports.append(report)
  }
}

public struct Longest: PassThroughStage {
  public init() {}

  @inlinable
  @inline(__always)
  public func attach<Lower: Port & ~Copyable, Next: PortContinuation>(
    to lower: consuming Lower, in context: PipelineContext, then next: Next
  ) throws(StageError) -> Next.Result where Next.Unit == Lower.Unit {
    try next(LongestPort(on: lower))
  }
}

extension Longest {
  public static var kind: StageKind {
    StageKind(
      name: "longest", summary: "remembers the longest packet that came from the left, and changes nothing",
      examples: ["tap(tap0) | longest | discard"],
      counts: [.gauge("longest", "bytes of the longest packet so far")]
    ) { _ throws(ArgumentError) in Longest() }
  }
}

@Suite("Adding a stage, by the article") struct AddingAStageTests {
  static let total = 1000

  @Test("it stands in Swift and in a text, breaks no rule, and reports")
  func runs() throws {
    let tally = Tally()
    let generator = StageKind(name: "generator", summary: "generates") { _ throws(ArgumentError) in
      Generator(total: Self.total, tally: tally)
    }
    let catalog = StageCatalog([generator, Checked.kind, Longest.kind, Loopback.kind])
    let text = "generator | checked | longest | checked | loopback"
    let pipelines = [
      Pipeline {
        Generator(total: Self.total, tally: tally)
        Checked()
        Longest()
        Checked()
        Loopback()
      },
      Pipeline(try PipelineText.check(text, catalog: catalog, cpuCount: 1)),
    ]
    for pipeline in pipelines {
      let report = try pipeline.start(logger: RunTests.quiet).finish()
      #expect(report.stages.map(\.report.name) == ["generator", "checked", "longest", "checked", "loopback"])
      #expect(report.stages[2].report.gauges == [StageReport.Count("longest", 64)])
      #expect(report.stages.allSatisfy { $0.report.drops.isEmpty && $0.report.failure == nil })
      #expect(report.lostByteCount == 0)
    }
  }

  @Test("where it can stand follows from its protocol")
  func shape() { #expect(Longest.kind.shapes == [.passThrough] && Longest.kind.claims == nil) }

  @Test("the article says what is compiled here")
  func article() throws {
    let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
      .deletingLastPathComponent()
    let path = root.appendingPathComponent("Sources/CleanQPipeline/CleanQPipeline.docc/AddingAStage.md")
    let article = try String(contentsOf: path, encoding: .utf8)
    let code = try String(contentsOf: URL(fileURLWithPath: #filePath), encoding: .utf8)
    let blocks = article.components(separatedBy: "```swift\n").dropFirst().compactMap {
      $0.components(separatedBy: "```").first
    }
    #expect(blocks.count == 3)
    for block in blocks { #expect(code.contains(block)) }
  }
}
