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
  /// The process that maps the memory of the copy in the making, as errors name its stage, and whether others may, too.
  private var peer: (stage: String, shares: Bool)?

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

  /// Enters a device that is another process, which wants to map the buffers of the copy in the making.
  ///
  /// - Parameters:
  ///   - stage: its stage, as errors name it.
  ///   - shares: whether the user said that it may map what other processes map, and they what it does.
  /// - Returns: the stage of a process that maps them already, and must not share them with this one: a ``CopyingPort`` has to
  ///   stand in between. Else nil.
  public func admitPeer(_ stage: String, shares: Bool) -> String? {
    guard let peer else {
      peer = (stage, shares)
      return nil
    }
    return shares || peer.shares ? nil : peer.stage
  }

  /// Opens every copy.
  @usableFromInline
  func openCopies(_ open: () throws(StageError) -> Void) throws(StageError) {
    for index in 0..<copyCount {
      copyIndex = index
      sharedCount = 0
      peer = nil
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
