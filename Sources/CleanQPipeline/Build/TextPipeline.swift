internal import CleanQ
public import Logging

/// A pipeline that was put together from a text: the same stages, with one dynamic call per burst between them.
public struct TextPipeline: Sendable {
  private let checked: CheckedPipeline

  public init(_ checked: CheckedPipeline) { self.checked = checked }

  /// Opens every stage and starts the threads; as ``Pipeline/start(on:logger:)``, with the CPUs of the text's marks.
  public func start(logger: Logger) throws(StageError) -> RunningPipeline {
    let context = PipelineContext(logger: logger)
    var stack: OpenStack?
    var placements: [Placement] = []
    for (index, stage) in checked.stages.enumerated() {
      let placement = stage.cpu.map { Placement.cpu($0) }
      guard let below = stack else {
        stack = try Self.bottom(stage, context)
        placements = [placement ?? .any]
        continue
      }
      var current = below
      // A mark for another CPU hands over to a new loop.
      if let placement, placement != placements.last {
        current = try current.put(HandOver(), context)
        placements.append(placement)
      }
      if index == checked.stages.count - 1 {
        try Self.end(stage, on: current, context)
      } else {
        stack = try Self.put(stage, on: current, context)
      }
    }
    return try RunningPipeline(context, placements: placements, texts: checked.stages.map(\.text))
  }

  private static func bottom(_ stage: CheckedStage, _ context: PipelineContext) throws(StageError) -> OpenStack {
    guard let end = stage.description as? any EndStage else { throw misplaced(stage) }
    return try openBottom(end, context)
  }

  private static func openBottom(_ end: some EndStage, _ context: PipelineContext) throws(StageError) -> OpenStack {
    OpenStackOf(AnyPort(try end.open(in: context)))
  }

  private static func put(
    _ stage: CheckedStage, on stack: OpenStack, _ context: PipelineContext
  ) throws(StageError) -> OpenStack {
    if let layer = stage.description as? any LayerStage {
      guard let result = try putLayer(layer, on: stack, context) else { throw misplaced(stage) }
      return result
    }
    guard let through = stage.description as? any PassThroughStage else { throw misplaced(stage) }
    return try stack.put(through, context)
  }

  private static func putLayer<Layer: LayerStage>(
    _ layer: Layer, on stack: OpenStack, _ context: PipelineContext
  ) throws(StageError) -> OpenStack? {
    guard let below = stack as? OpenStackOf<Layer.Below> else { return nil }
    return OpenStackOf(try layer.attach(to: below.take(), in: context, then: Erase<Layer.Above>()))
  }

  private static func end(
    _ stage: CheckedStage, on stack: OpenStack, _ context: PipelineContext
  ) throws(StageError) {
    if let sink = stage.description as? any SinkStage { return try stack.end(sink, context) }
    guard let end = stage.description as? any EndStage, try join(end, on: stack, context) else {
      throw misplaced(stage)
    }
  }

  private static func join<End: EndStage>(
    _ end: End, on stack: OpenStack, _ context: PipelineContext
  ) throws(StageError) -> Bool {
    guard let left = stack as? OpenStackOf<End.Unit> else { return false }
    try JoinEnd(end: end, context: context)(left.take())
    return true
  }

  /// The checker lets no such stage through; a third party's description may say one shape and be another.
  private static func misplaced(_ stage: CheckedStage) -> StageError {
    StageError(stage.text, "cannot stand here: its description does not do what its shape says")
  }
}

/// An opened stack whose kind of traffic is known at run time only.
private class OpenStack {
  func put(_ stage: any PassThroughStage, _ context: PipelineContext) throws(StageError) -> OpenStack {
    fatalError("abstract")
  }

  func end(_ sink: any SinkStage, _ context: PipelineContext) throws(StageError) { fatalError("abstract") }
}

private final class OpenStackOf<Unit: Traffic>: OpenStack {
  private var port: AnyPort<Unit>?

  init(_ port: consuming AnyPort<Unit>) { self.port = consume port }

  func take() -> AnyPort<Unit> {
    guard let port = port.take() else { preconditionFailure("a stack was used twice") }
    return port
  }

  override func put(_ stage: any PassThroughStage, _ context: PipelineContext) throws(StageError) -> OpenStack {
    OpenStackOf(try stage.attach(to: take(), in: context, then: Erase<Unit>()))
  }

  override func end(_ sink: any SinkStage, _ context: PipelineContext) throws(StageError) {
    try sink.join(to: take(), in: context)
  }
}

/// Ends in a port of which only the kind of traffic is known.
private struct Erase<Unit: Traffic>: PortContinuation {
  func callAsFunction<P: Port & ~Copyable>(_ port: consuming P) throws(StageError) -> AnyPort<Unit>
  where P.Unit == Unit {
    AnyPort(port)
  }
}
