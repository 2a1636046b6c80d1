public import CleanQ

/// The loop over one junction, compiled for the types of its ports in the module that puts the pipeline together.
@usableFromInline
final class Loop<Left: Port & ~Copyable, Right: Port & ~Copyable> where Left.Unit == Right.Unit {
  /// Nil once the loop has taken it to its thread.
  @usableFromInline var junction: Junction<Left, Right>?
  /// The log has it that the junction drops packets.
  @usableFromInline var hasToldDrops = false

  @inlinable
  init(_ junction: consuming Junction<Left, Right>) { self.junction = consume junction }

  @inlinable
  var wanted: WantedBuffers {
    let isShared = junction?.left.wantedBacking == .shared || junction?.right.wantedBacking == .shared
    return WantedBuffers(
      left: junction?.left.wantedBufferCount ?? 0, right: junction?.right.wantedBufferCount ?? 0,
      byteCount: max(junction?.left.wantedBufferByteCount ?? 0, junction?.right.wantedBufferByteCount ?? 0),
      backing: isShared ? .shared : .anonymous)
  }

  /// Registers the region with the left port, and with the right one where the loop is the last: the right end of another
  /// is an interlink, which the loop above registers.
  @inlinable
  func register(_ region: borrowing Region, isLast: Bool) -> QueueError? {
    do throws(QueueError) {
      try junction?.left.register(region)
      if isLast { try junction?.right.register(region) }
      return nil
    } catch { return error }
  }

  /// Carves buffers and gives them to the ports' receive queues.
  @inlinable
  func prime(from region: borrowing Region, _ wanted: WantedBuffers) {
    var burst = Burst()
    var left = wanted.left
    while left > 0, region.carve(min(left, burst.room), wanted, into: &burst) {
      left -= burst.count
      guard junction?.left.fill(&burst) == nil else { break }
    }
    var right = wanted.right
    while right > 0, region.carve(min(right, burst.room), wanted, into: &burst) {
      right -= burst.count
      guard junction?.right.fill(&burst) == nil else { break }
    }
    burst.releaseAll()
  }

  /// Runs until the pipeline stops; the ports close when it returns, on the thread that used them.
  ///
  /// - Parameters:
  ///   - index: the loop's number in `control`.
  ///   - memory: in the last loop of a copy, what its buffers were carved from.
  @inlinable
  func run(_ control: RunControl, index: Int, memory: PipelineMemory?) {
    guard control.passGate(index), var junction = junction.take() else { return }
    turn(&junction, control, index: index, memory: memory)
    drain(&junction, control, index: index)
    tellDrops(of: junction, control)
    if !control.waitUntilAllRest(index) {
      control.publish(outcome(of: junction, memory), of: index)
      control.waitForNeighbours()
    }
    control.publish(outcome(of: junction, memory), of: index)
    control.waitUntilAllCounted(index)
    endLifetime(of: junction)
  }

  /// What the stages say before the loop runs.
  @inlinable
  var reports: [StageReport] {
    var reports: [StageReport] = []
    junction?.left.report(into: &reports)
    junction?.right.report(into: &reports)
    return reports
  }

  /// What the loop has done so far, and what it holds.
  @inlinable
  @inline(never)
  func outcome(of junction: borrowing Junction<Left, Right>, _ memory: PipelineMemory?) -> WorkerOutcome {
    var outcome = WorkerOutcome()
    junction.left.report(into: &outcome.reports)
    let leftCount = outcome.reports.count
    junction.right.report(into: &outcome.reports)
    // In the report of the stage below the junction, where there is one.
    if !outcome.reports.isEmpty { junction.addDrops(to: &outcome.reports[max(0, leftCount - 1)]) }
    outcome.held = junction.held()
    outcome.held.addHoldings(of: junction.left.accounts())
    let right = junction.right.accounts()
    if let memory {
      outcome.held.addHoldings(of: right)
      outcome.liveByteCount = memory.region.liveByteCount
    } else {
      outcome.interlink = right
    }
    return outcome
  }

  /// Turns until the pipeline is to stop.
  @inlinable
  func turn(_ junction: inout Junction<Left, Right>, _ control: RunControl, index: Int, memory: PipelineMemory?) {
    var files = [control.stopFile, control.wakeFile(of: index)]
    junction.left.addWakeFileDescriptors(to: &files)
    junction.right.addWakeFileDescriptors(to: &files)
    var wait = IdleWait(files: files)
    var deadline = advance(&junction, to: .now)
    // While the loop is awake, time passes at each tick in every stage, whether or not one below it asked for that: a layer
    // may be alone in its loop. A sleeping loop is woken for a deadline only.
    var tick = MonotonicTime.now.advanced(byMilliseconds: RunControl.tickMilliseconds)
    var busyTurns = 0
    var answered: UInt64 = 0
    var end = LoopEnd(isLast: memory != nil)
    while true {
      let requests = control.requests
      if requests != answered {
        if control.isStopping {
          // Where something keeps the loop from its end, this is the last that it says.
          control.publish(outcome(of: junction, memory), of: index)
          return
        }
        control.answer(of: index, requests, outcome(of: junction, memory))
        answered = requests
      }
      let hasMoved = junction.turn() > 0
      if hasMoved {
        wait.reset()
        busyTurns &+= 1
        // The clock is read once in a while when there is work, and at every turn when there is none.
        if busyTurns & 31 != 0 { continue }
      }
      let now = MonotonicTime.now
      if now >= min(deadline, tick) {
        deadline = advance(&junction, to: now)
        tick = now.advanced(byMilliseconds: RunControl.tickMilliseconds)
        tellDrops(of: junction, control)
      }
      if junction.right.isExhausted {
        control.stopExhausted()
      } else if junction.left.isExhausted {
        passOnEnd(&junction, &end, control, hasMoved: hasMoved, at: now)
      }
      if wait.spinExpired(at: now) { sleep(&junction, &wait, now: now, until: min(deadline, end.deadline)) }
    }
  }

  /// The left port is exhausted: the pipeline ends once everything has gone its way.
  @inlinable
  @inline(never)
  func passOnEnd(
    _ junction: inout Junction<Left, Right>, _ end: inout LoopEnd, _ control: RunControl, hasMoved: Bool,
    at now: MonotonicTime
  ) {
    switch end.next(hasMoved: hasMoved, isEmpty: junction.up.isEmpty, at: now) {
    case .goOn: break
    case .quiesce: junction.left.quiesce()
    case .passOn: junction.right.endTransmission()
    case .stop: control.stopExhausted()
    }
  }

  @inlinable
  func sleep(
    _ junction: inout Junction<Left, Right>, _ wait: inout IdleWait, now: MonotonicTime, until deadline: MonotonicTime
  ) {
    // Both are armed before anything is looked at again: what comes in from here on wakes the thread.
    let leftIsIdle = junction.left.arm()
    let rightIsIdle = junction.right.arm()
    if leftIsIdle, rightIsIdle { wait.sleep(now: now, until: deadline) }
    junction.left.disarm()
    junction.right.disarm()
  }

  /// Turns without taking anything new, until nothing moves any more.
  @inlinable
  func drain(_ junction: inout Junction<Left, Right>, _ control: RunControl, index: Int) {
    junction.left.quiesce()
    junction.right.quiesce()
    while true {
      let moves = control.moves
      let moved = junction.turn() > 0
      let now = MonotonicTime.now
      _ = advance(&junction, to: now)
      if control.noteTurn(of: index, moved: moved, since: moves, at: now) { return }
    }
  }

  /// Says, once, that the junction drops packets.
  @inlinable
  @inline(never)
  func tellDrops(of junction: borrowing Junction<Left, Right>, _ control: RunControl) {
    guard junction.dropCount > 0, !hasToldDrops else { return }
    hasToldDrops = true
    control.tellDrops()
  }

  @inlinable
  func advance(_ junction: inout Junction<Left, Right>, to now: MonotonicTime) -> MonotonicTime {
    min(junction.left.advance(to: now), junction.right.advance(to: now))
  }
}

extension Region {
  /// Appends up to `count` empty buffers to a burst. Returns false where there is none in it afterwards.
  @usableFromInline
  func carve(_ count: Int, _ wanted: WantedBuffers, into burst: inout Burst) -> Bool {
    for _ in 0..<count {
      guard var buffer = buffer(byteCount: wanted.byteCount, alignment: wanted.strideByteCount) else { break }
      buffer.reset()
      burst.append(buffer)
    }
    return !burst.isEmpty
  }
}
