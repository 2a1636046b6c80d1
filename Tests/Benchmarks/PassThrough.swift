import ArgumentParser
import CPlatform
import CleanQ
import CleanQNet
import CleanQPipeline

/// What one more stage costs: a burst of 32 circulates between a loopback and an echo, through ten pass-through stages
/// less through one. Fused, the stages are one type; from text, each is behind a port that was erased.
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
  @Option(help: "Turns, each of which echoes one burst.")
  var turns = 400_000

  func run() throws {
    _ = cplatform_pin_current_thread(0)
    let wire = LoopbackPort<Frame>()
    let cycles =
      switch (kind, stage) {
      case (.fused, .count): try lap(ten(CountPort(on: wire))) - lap(CountPort(on: LoopbackPort<Frame>()))
      case (.fused, .idle): try lap(ten(IdlePort(lower: wire))) - lap(IdlePort(lower: LoopbackPort<Frame>()))
      case (.text, .count):
        try lap(tenErased(counting: AnyPort(wire))) - lap(AnyPort(CountPort(on: AnyPort(LoopbackPort<Frame>()))))
      case (.text, .idle):
        try lap(tenErased(AnyPort(wire))) - lap(AnyPort(IdlePort(lower: AnyPort(LoopbackPort<Frame>()))))
      }
    let value = cycles / Double(turns * Burst.capacity * 9)
    Figure(name: "pass-through/\(kind.rawValue)/\(stage.rawValue)", unit: "cycles/packet/stage", value: value).print()
  }

  /// Nine stages more.
  private func ten<Lower: Port & ~Copyable>(
    _ first: consuming CountPort<Lower>
  ) -> CountPort<
    CountPort<CountPort<CountPort<CountPort<CountPort<CountPort<CountPort<CountPort<CountPort<Lower>>>>>>>>>
  > {
    let fourth = CountPort(on: CountPort(on: CountPort(on: first)))
    let seventh = CountPort(on: CountPort(on: CountPort(on: fourth)))
    return CountPort(on: CountPort(on: CountPort(on: seventh)))
  }

  private func ten<Lower: Port & ~Copyable>(
    _ first: consuming IdlePort<Lower>
  ) -> IdlePort<IdlePort<IdlePort<IdlePort<IdlePort<IdlePort<IdlePort<IdlePort<IdlePort<IdlePort<Lower>>>>>>>>>> {
    let fourth = IdlePort(lower: IdlePort(lower: IdlePort(lower: first)))
    let seventh = IdlePort(lower: IdlePort(lower: IdlePort(lower: fourth)))
    return IdlePort(lower: IdlePort(lower: IdlePort(lower: seventh)))
  }

  private func tenErased(counting wire: consuming AnyPort<Frame>) -> AnyPort<Frame> {
    var port = wire
    for _ in 0..<10 { port = AnyPort(CountPort(on: port)) }
    return port
  }

  private func tenErased(_ wire: consuming AnyPort<Frame>) -> AnyPort<Frame> {
    var port = wire
    for _ in 0..<10 { port = AnyPort(IdlePort(lower: port)) }
    return port
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
