import ArgumentParser
import CPlatform
import CleanQ
import CleanQNet
import CleanQPipeline

/// What pass-through stages cost: a burst of 32 circulates between a loopback and an echo, through so many stages less
/// through none. Fused, the stages are one type; from text, each is behind a port that was erased.
///
/// A packet that is echoed passes each stage twice, up and down, and counts once.
struct PassThrough: ParsableCommand {
  enum Kind: String, ExpressibleByArgument, CaseIterable { case fused, text }
  enum Body: String, ExpressibleByArgument, CaseIterable {
    /// Counts packets and bytes.
    case count
    /// Does nothing.
    case idle
  }

  static let configuration = CommandConfiguration(commandName: "pass-through")

  @Option var kind = Kind.fused
  @Option(help: "What a stage does: count or idle.")
  var stage = Body.count
  @Option(help: "How many stages, 1 to 10.")
  var stages = 10
  @Option(help: "Turns, each of which echoes one burst.")
  var turns = 400_000

  func validate() throws {
    guard (1...10).contains(stages) else { throw ValidationError("--stages: 1 to 10, not \(stages)") }
  }

  func run() throws {
    _ = cplatform_pin_current_thread(0)
    let cycles =
      switch kind {
      case .fused: try fused() - lap(LoopbackPort<Frame>())
      case .text: try erased() - lap(AnyPort(LoopbackPort<Frame>()))
      }
    let value = cycles / Double(turns * Burst.capacity * stages)
    let name = "pass-through/\(kind.rawValue)/\(stage.rawValue)/stages=\(stages)"
    Figure(name: name, unit: "cycles/packet/stage", value: value).print()
  }

  /// Each number of stages is a type of its own.
  private func fused() throws -> Double {
    let wire = LoopbackPort<Frame>()
    return switch (stage, stages) {
    case (.count, 1): try lap(counts(wire))
    case (.count, 2): try lap(counts(counts(wire)))
    case (.count, 3): try lap(counts(counts(counts(wire))))
    case (.count, 4): try lap(counts(counts(counts(counts(wire)))))
    case (.count, 5): try lap(fiveCounts(wire))
    case (.count, 6): try lap(counts(fiveCounts(wire)))
    case (.count, 7): try lap(counts(counts(fiveCounts(wire))))
    case (.count, 8): try lap(counts(counts(counts(fiveCounts(wire)))))
    case (.count, 9): try lap(counts(counts(counts(counts(fiveCounts(wire))))))
    case (.count, _): try lap(fiveCounts(fiveCounts(wire)))
    case (.idle, 1): try lap(idles(wire))
    case (.idle, 2): try lap(idles(idles(wire)))
    case (.idle, 3): try lap(idles(idles(idles(wire))))
    case (.idle, 4): try lap(idles(idles(idles(idles(wire)))))
    case (.idle, 5): try lap(fiveIdles(wire))
    case (.idle, 6): try lap(idles(fiveIdles(wire)))
    case (.idle, 7): try lap(idles(idles(fiveIdles(wire))))
    case (.idle, 8): try lap(idles(idles(idles(fiveIdles(wire)))))
    case (.idle, 9): try lap(idles(idles(idles(idles(fiveIdles(wire))))))
    case (.idle, _): try lap(fiveIdles(fiveIdles(wire)))
    }
  }

  private func counts<Lower: Port & ~Copyable>(_ lower: consuming Lower) -> CountPort<Lower> { CountPort(on: lower) }

  private func fiveCounts<Lower: Port & ~Copyable>(
    _ lower: consuming Lower
  ) -> CountPort<CountPort<CountPort<CountPort<CountPort<Lower>>>>> {
    counts(counts(counts(counts(counts(lower)))))
  }

  private func idles<Lower: Port & ~Copyable>(_ lower: consuming Lower) -> IdlePort<Lower> { IdlePort(lower: lower) }

  private func fiveIdles<Lower: Port & ~Copyable>(
    _ lower: consuming Lower
  ) -> IdlePort<IdlePort<IdlePort<IdlePort<IdlePort<Lower>>>>> {
    idles(idles(idles(idles(idles(lower)))))
  }

  private func erased() throws -> Double {
    var port = AnyPort(LoopbackPort<Frame>())
    for _ in 0..<stages { port = stage == .count ? AnyPort(CountPort(on: port)) : AnyPort(IdlePort(lower: port)) }
    return try lap(port)
  }

  /// The cycles of so many turns over a stack.
  private func lap<Left: Port & ~Copyable>(_ left: consuming Left) throws -> Double where Left.Unit == Frame {
    let region = try Region(byteCount: Burst.capacity * Ring.bufferByteCount)
    var junction = Junction(left, EchoPort<Frame>())
    try junction.left.register(region)
    try junction.right.register(region)
    var frames = Burst()
    for _ in 0..<Burst.capacity {
      guard var buffer = region.buffer(byteCount: Ring.bufferByteCount), buffer.setValid(offset: 50, byteCount: 64)
      else {
        fatalError("the region is too small")
      }
      frames.append(buffer)
    }
    guard junction.right.transmit(&frames) == nil else { fatalError("refused") }
    _ = turn(&junction, turns / 10)
    return Double(turn(&junction, turns))
  }

  private func turn<Left: Port & ~Copyable>(
    _ junction: inout Junction<Left, EchoPort<Frame>>, _ turns: Int
  ) -> UInt64 where Left.Unit == Frame {
    // The first burst comes down; from then on each turn moves one up and one down.
    _ = junction.turn()
    let start = cplatform_timestamp()
    for _ in 0..<turns {
      guard junction.turn() == 2 * Burst.capacity else { fatalError("packets were lost") }
    }
    return cplatform_timestamp() - start
  }
}

/// A stage that does nothing.
struct IdlePort<Lower: Port & ~Copyable>: StackedPort, ~Copyable {
  typealias Unit = Lower.Unit
  var lower: Lower
}
