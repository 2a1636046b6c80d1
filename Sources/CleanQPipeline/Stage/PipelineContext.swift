public import CleanQ
internal import CleanQPlatform
public import Logging

/// What the stages of one pipeline share while it is being opened.
public final class PipelineContext {
  /// Where stages say, once, what a user should know.
  public let logger: Logger
  /// How many instances of the pipeline are opened, each with the same stages.
  public let instanceCount: Int
  /// Which of them is being opened, from 0.
  public private(set) var instanceIndex = 0
  /// Readable once the start is to be abandoned, since a signal came or the program changed its mind; -1 where that cannot
  /// happen. A stage whose opening may have to wait, for the other end of a FIFO or for a peer, polls this file too, and
  /// throws ``StageError/cancelled(_:)`` when it is readable. Not the stage's to read from or to close.
  public let cancelFile: Int32
  /// Whether what comes from the left end is a file's, which can wait: a stage that has no room for it may leave it there for a
  /// while. Set by the stage that opens the file.
  public var sourceWaits = false
  /// How long a loop without work spins before it sleeps, at most.
  let spinNanoseconds: UInt64
  /// Called before each stage of a text is opened, with its text.
  let onOpening: (String) -> Void
  /// The loops that each instance consists of, in the making.
  private(set) var instances: [[Worker]]
  /// What the stages are called, by their numbers.
  private(set) var labels: [StageLabel] = []
  /// The number of the next stage of the copy in the making.
  private(set) var stageNumber = 0
  /// How many loops of the copy in the making were begun.
  private var segmentCount = 1
  /// The loop in the making.
  private var segment = LoopSegment()
  /// Those that continue when a branch on another thread is open.
  private var suspended: [LoopSegment] = []
  /// The branch in the making, while it is on the thread of its fork.
  private(set) var branch: BranchBox?
  /// What ``common(_:)`` has made, by type.
  private var commons: [ObjectIdentifier: AnyObject] = [:]
  /// What ``shared(_:)`` has made, and how many of it the copy in the making has asked for.
  private var shared: [AnyObject] = []
  private var sharedCount = 0
  /// The process that maps the memory of the copy in the making, as errors name its stage, and whether others may, too.
  private var peer: (stage: String, shares: Bool)?
  /// What ``onReopen(_:)`` was given.
  private(set) var reopeners: [@Sendable () -> Void] = []
  /// What ``onStart(_:)`` was given.
  private(set) var starters: [@Sendable () -> Void] = []

  /// - Parameter spin: how long a loop without work spins before it sleeps, at most; see ``Pipeline/init(spin:_:)``.
  public convenience init(
    logger: Logger, instanceCount: Int = 1, cancelFile: Int32 = -1, spin: Duration = PipelineContext.standardSpin
  ) {
    self.init(logger, instanceCount: instanceCount, cancelFile: cancelFile, spin: spin) { _ in }
  }

  init(
    _ logger: Logger, instanceCount: Int, cancelFile: Int32, spin: Duration, onOpening: @escaping (String) -> Void
  ) {
    self.onOpening = onOpening
    self.logger = logger
    let (seconds, attoseconds) = spin.components
    spinNanoseconds = seconds > 0 ? 1_000_000_000 : UInt64(clamping: attoseconds / 1_000_000_000)
    self.instanceCount = instanceCount
    self.cancelFile = cancelFile
    instances = Array(repeating: [], count: instanceCount)
  }

  /// A sleep and its wake-up cost several microseconds each; under load the next burst comes sooner than this.
  public static var standardSpin: Duration { .microseconds(50) }

  /// Makes two ports the ends of a loop.
  @inlinable
  public func add<Left: Port & ~Copyable, Right: Port & ~Copyable>(_ left: consuming Left, _ right: consuming Right)
  where Left.Unit == Right.Unit {
    // The loop of a branch is turned by that of its fork, and is not compiled for its ports.
    if isInBranch { addToBranch(.erasing(left), .erasing(right)) } else { add(Worker(Loop(Junction(left, right)))) }
  }

  @usableFromInline
  func add(_ worker: Worker) {
    worker.segment = segment
    if let box = segment.branch { box.handedOverCount += worker.wanted().right }
    instances[instanceIndex].append(worker)
    beginSegment()
  }

  @usableFromInline
  func addToBranch<Unit: Traffic>(_ left: consuming AnyPort<Unit>, _ right: consuming AnyPort<Unit>) {
    guard let branch else { preconditionFailure("no branch is being opened") }
    branch.loop = BranchLoop(left, right)
    self.branch = nil
  }

  private func beginSegment() {
    segment = LoopSegment(number: segmentCount, branch: segment.branch)
    segmentCount += 1
  }

  /// Says that the next stage is opened, and what it is called.
  func noteStage(_ label: StageLabel) {
    segment.stages.append(stageNumber)
    if instanceIndex == 0 { labels.append(label) }
    stageNumber += 1
  }

  /// Begins a branch of a fork: the next loop that is added is its own, and those after that, where it is handed over, are above
  /// it.
  ///
  /// - Returns: what ``endBranch(_:_:)`` goes back to.
  func beginBranch(_ box: BranchBox) -> (branch: BranchBox?, suspendedCount: Int) {
    defer { branch = box }
    return (branch, suspended.count)
  }

  func endBranch(_ box: BranchBox, _ outer: (branch: BranchBox?, suspendedCount: Int)) {
    precondition(box.loop != nil, "a branch was opened that ends in nothing")
    branch = outer.branch
    // The stages above the fork that are on its thread are in the loop that has the fork.
    guard suspended.count > outer.suspendedCount else { return }
    segment = suspended[outer.suspendedCount]
    suspended.removeSubrange(outer.suspendedCount...)
  }

  /// Hands the rest of a branch over to a thread of its own: the loop of the part so far has been added.
  func beginHandedOver(_ box: BranchBox) {
    suspended.append(segment)
    segment.branch = box
    beginSegment()
  }

  /// Whether what is being opened is above a fork, on its thread.
  public var isInBranch: Bool { branch != nil }

  /// What all stages have in common, in all instances and branches: one object of each type.
  ///
  /// - Parameter make: makes it, for the first who asks.
  public func common<Object: AnyObject>(_ make: () -> Object) -> Object {
    let type = ObjectIdentifier(Object.self)
    if let object = commons[type] as? Object { return object }
    let object = make()
    commons[type] = object
    return object
  }

  /// What a stage has in common in all instances of the pipeline: the device, of which each instance opens a queue pair.
  ///
  /// The instances open the same stages in the same order, so what one calls this for, all do, and they meet.
  ///
  /// - Parameter make: makes it, in the first instance.
  public func shared<Device: AnyObject>(_ make: () throws(StageError) -> Device) throws(StageError) -> Device {
    if instanceIndex == 0 { shared.append(try make()) }
    defer { sharedCount += 1 }
    guard sharedCount < shared.count, let device = shared[sharedCount] as? Device else {
      preconditionFailure("the instances of a pipeline open the same stages in the same order")
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

  /// Whether the start is to be abandoned.
  public var isCancelled: Bool { FileReadiness.isReadable(cancelFile) }

  /// Registers what a stage does when the pipeline is asked to reopen its files, ``RunningPipeline/reopen()``: SIGHUP asks
  /// for it after logrotate has renamed them.
  ///
  /// - Parameter body: called on the thread that asks, beside the running loops, and perhaps after the stage's port has
  ///   closed; it returns soon.
  public func onReopen(_ body: @escaping @Sendable () -> Void) { reopeners.append(body) }

  /// Registers what a stage does once everything of the pipeline is open and nothing can keep it from running any more, before
  /// the first packet moves: what would be a pity if the pipeline did not start, as emptying a file.
  ///
  /// - Parameter body: called once, on the thread that starts the pipeline; it returns soon.
  public func onStart(_ body: @escaping @Sendable () -> Void) { starters.append(body) }

  /// Goes on with the next instance: what is opened from now on is its own.
  func beginInstance(_ index: Int) {
    instanceIndex = index
    sharedCount = 0
    peer = nil
    (stageNumber, segmentCount, segment) = (0, 1, LoopSegment())
  }

  /// A place on one CPU for every loop of a copy.
  func placements(on cpu: Int) -> [Placement] { instances[0].map { _ in .cpu(cpu) } }

  /// Admits the next stage of a pipeline from a program, and numbers it.
  @usableFromInline
  func admitNext(_ stage: any StageDescription) throws(StageError) {
    guard !(stage is any CompositeStage) else { return }
    if !(stage is Handoff) { noteStage(StageLabel()) }
    try admit(stage)
  }

  /// Refuses a stage that does not support this number of instances.
  @usableFromInline
  func admit(_ stage: any StageDescription) throws(StageError) {
    guard !stage.instances.contains(instanceCount) else { return }
    let name = "\(type(of: stage))"
    throw StageError(
      name, PipelineInstances.diagnostic(of: name, wanting: stage.instances, given: instanceCount))
  }
}
