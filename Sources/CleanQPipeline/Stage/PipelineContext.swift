public import CleanQ
public import Logging

/// What the stages of one pipeline share while it is being opened.
public final class PipelineContext {
  /// Where stages say, once, what a user should know.
  public let logger: Logger
  /// The loops that the pipeline consists of, left to right, in the making.
  private(set) var workers: [Worker] = []

  public init(logger: Logger) { self.logger = logger }

  /// Makes two ports the ends of a loop.
  @inlinable
  public func add<Left: Port & ~Copyable, Right: Port & ~Copyable>(_ left: consuming Left, _ right: consuming Right)
  where Left.Unit == Right.Unit {
    add(Worker(Loop(Junction(left, right))))
  }

  @usableFromInline
  func add(_ worker: Worker) { workers.append(worker) }
}
