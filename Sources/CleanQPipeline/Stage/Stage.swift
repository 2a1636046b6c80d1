public import CleanQ

// Descriptions of stages. A description is a plain value; nothing is open before a pipeline opens it. The type of the
// port that a layer makes depends on the port below it, and Swift has no generic associated types, so a stage passes its
// port on to a continuation: the whole stack is one concrete type, and the compiler sees through all of it.
//
// The requirements that speak of texts have default implementations (AnyStack.swift); they are requirements so that they
// are compiled for each stage, and not once for all.

/// A stage that can be opened. What it stands on and what it gives follow from which of the protocols below it conforms to.
public protocol Stage: StageDescription {
  /// Where stages of the type can stand.
  static var shape: StageShape { get }
}

extension Stage {
  public var shape: StageShape { Self.shape }
}

/// What happens next with a port that was just opened.
public protocol PortContinuation {
  associatedtype Unit: Traffic
  associatedtype Result: ~Copyable
  func callAsFunction<P: Port & ~Copyable>(_ port: consuming P) throws(StageError) -> Result where P.Unit == Unit
}

/// A stage that opens a port of its own: a device, a file. It stands at the left end of a pipeline, or at the right.
public protocol EndStage: Stage {
  associatedtype Unit
  associatedtype Opened: Port & ~Copyable where Opened.Unit == Unit

  /// Opens the port. What it opened goes when the port goes.
  func open(in context: PipelineContext) throws(StageError) -> Opened

  /// Opens the port and makes it the right end of a loop with `left`. By default that is all; a stage whose device is another
  /// process asks ``PipelineContext/admitPeer(_:shares:)`` first.
  func openEnd<Left: Port & ~Copyable>(of left: consuming Left, in context: PipelineContext) throws(StageError)
  where Left.Unit == Unit

  /// Opens the port as the left end of a pipeline from a text.
  func openBottom(in context: PipelineContext) throws(StageError) -> AnyStack

  /// Opens the port as the right end of a pipeline from a text. Returns false where its traffic is of another kind.
  func openTop(on stack: consuming AnyStack, in context: PipelineContext) throws(StageError) -> Bool
}

/// A stage that turns one kind of traffic into another: a protocol layer.
public protocol LayerStage: Stage {
  associatedtype Below: Traffic
  associatedtype Above: Traffic

  /// Puts the layer on a port and passes the result on.
  func attach<Lower: Port & ~Copyable, Next: PortContinuation>(
    to lower: consuming Lower, in context: PipelineContext, then next: Next
  ) throws(StageError) -> Next.Result where Lower.Unit == Below, Next.Unit == Above

  /// Puts the layer on a stack from a text. Returns nil where its traffic is of another kind.
  func put(on stack: consuming AnyStack, in context: PipelineContext) throws(StageError) -> AnyStack?
}

/// A stage through which traffic of any kind passes: a counter, a capture, a handoff to another thread.
public protocol PassThroughStage: Stage {
  /// Puts the stage on a port and passes the result on.
  func attach<Lower: Port & ~Copyable, Next: PortContinuation>(
    to lower: consuming Lower, in context: PipelineContext, then next: Next
  ) throws(StageError) -> Next.Result where Next.Unit == Lower.Unit

  /// Puts the stage on a stack from a text.
  func put(on stack: consuming AnyStack, in context: PipelineContext) throws(StageError) -> AnyStack
}

/// A stage that ends a pipeline of any kind of traffic on the right: echo, discard.
public protocol SinkStage: Stage {
  /// Opens a port for the traffic of `left`, and makes the two the ends of a loop: ``PipelineContext/add(_:_:)``.
  func join<Left: Port & ~Copyable>(to left: consuming Left, in context: PipelineContext) throws(StageError)

  /// Opens the port as the right end of a pipeline from a text.
  func openTop(on stack: consuming AnyStack, in context: PipelineContext) throws(StageError)
}

extension EndStage {
  /// At either end. A stage for the left end alone says so: `static var shape: StageShape { .end(Unit.kind, right: false) }`.
  public static var shape: StageShape { .end(Unit.kind, right: true) }
}

extension LayerStage {
  public static var shape: StageShape { .layer(below: Below.kind, above: Above.kind) }
}

extension PassThroughStage {
  public static var shape: StageShape { .passThrough }
}

extension SinkStage {
  public static var shape: StageShape { .sink }
}
