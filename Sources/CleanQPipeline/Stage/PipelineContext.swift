public import CleanQ
public import Logging

/// What the stages of one pipeline share while it is being opened.
public final class PipelineContext {
  /// Where stages say, once, what a user should know.
  public let logger: Logger
  /// How many copies of the pipeline are opened, each with the same stages.
  public let copyCount: Int
  /// Which of them is being opened, from 0.
  public private(set) var copyIndex = 0
  /// The loops that each copy consists of, left to right, in the making.
  private(set) var copies: [[Worker]]
  /// What ``shared(_:)`` has made, and how many of it the copy in the making has asked for.
  private var shared: [AnyObject] = []
  private var sharedCount = 0

  public init(logger: Logger, copyCount: Int = 1) {
    self.logger = logger
    self.copyCount = copyCount
    copies = Array(repeating: [], count: copyCount)
  }

  /// Makes two ports the ends of a loop.
  @inlinable
  public func add<Left: Port & ~Copyable, Right: Port & ~Copyable>(_ left: consuming Left, _ right: consuming Right)
  where Left.Unit == Right.Unit {
    add(Worker(Loop(Junction(left, right))))
  }

  @usableFromInline
  func add(_ worker: Worker) { copies[copyIndex].append(worker) }

  /// What a stage has in common in all copies of the pipeline: the device, of which each copy opens a queue pair.
  ///
  /// The copies open the same stages in the same order, so what one calls this for, all do, and they meet.
  ///
  /// - Parameter make: makes it, in the first copy.
  public func shared<Device: AnyObject>(_ make: () throws(StageError) -> Device) throws(StageError) -> Device {
    if copyIndex == 0 { shared.append(try make()) }
    defer { sharedCount += 1 }
    guard sharedCount < shared.count, let device = shared[sharedCount] as? Device else {
      preconditionFailure("the copies of a pipeline open the same stages in the same order")
    }
    return device
  }

  /// Opens every copy.
  @usableFromInline
  func openCopies(_ open: () throws(StageError) -> Void) throws(StageError) {
    for index in 0..<copyCount {
      copyIndex = index
      sharedCount = 0
      try open()
    }
  }

  /// A place on one CPU for every loop of a copy.
  @usableFromInline
  func placements(on cpu: Int) -> [Placement] { copies[0].map { _ in .cpu(cpu) } }

  /// Refuses a stage that cannot stand in so many copies.
  @usableFromInline
  func admit(_ stage: any StageDescription) throws(StageError) {
    guard !stage.copies.contains(copyCount) else { return }
    let name = "\(type(of: stage))"
    throw StageError(
      name, PipelineCopies.complaint(of: name, wanting: stage.copies, given: copyCount))
  }
}
