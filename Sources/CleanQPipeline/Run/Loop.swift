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
    junction?.wanted ?? WantedBuffers(left: PortCapabilities(), right: PortCapabilities())
  }

  /// Registers the region with the left port, and with the right one in the loop that owns the memory and those above: the
  /// right end of a loop below it is an interlink, which the loop above registers.
  @inlinable
  func register(_ region: borrowing Region, registersRight: Bool) -> QueueError? {
    do throws(QueueError) {
      try junction?.left.register(region)
      if registersRight { try junction?.right.register(region) }
      return nil
    } catch { return error }
  }

  /// Tells the right port from how many buffers it is served; nothing where it is not interested.
  @inlinable
  func shareOut(_ bufferCount: Int) -> QueueError? {
    do throws(QueueError) { try junction?.right.control(.bufferCount(bufferCount)) } catch {
      return error.code == .unsupported ? nil : error
    }
    return nil
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
  ///   - place: where the loop is; with the memory from which a copy's buffers were carved, in the loop that owns it.
  @inlinable
  func run(_ control: RunControl, index: Int, place: LoopPlace) {
    guard control.passGate(index), var junction = junction.take() else { return }
    turn(&junction, control, index: index, place: place)
    drain(&junction, control, index: index)
    tellDrops(of: junction, control)
    if !control.waitUntilAllRest(index) {
      control.publish(outcome(of: junction, place), of: index)
      control.waitForNeighbours()
    }
    control.publish(outcome(of: junction, place), of: index)
    control.waitUntilAllCounted(index)
    endLifetime(of: junction)
  }

  /// What the stages say before the loop runs.
  @inlinable
  var reports: [StageReport] {
    var reports: [StageReport] = []
    _ = junction?.report(into: &reports)
    return reports
  }

  /// What the loop has done so far, and what it holds.
  @inlinable
  @inline(never)
  func outcome(of junction: borrowing Junction<Left, Right>, _ place: LoopPlace) -> WorkerOutcome {
    var outcome = WorkerOutcome()
    let (left, right) = junction.report(into: &outcome.reports)
    outcome.held = junction.held()
    outcome.held.addHoldings(of: left)
    switch place {
    case .below: outcome.interlink = right
    case .owner(let memory):
      outcome.held.addHoldings(of: right)
      outcome.expectedByteCount = memory.region.liveByteCount
    case .above:
      outcome.held.addHoldings(of: right)
      // The bottom is a `FarEndPort`.
      outcome.expectedByteCount = left.registeredByteCount
    }
    return outcome
  }

  /// Turns until the pipeline is to stop.
  @inlinable
  func turn(_ junction: inout Junction<Left, Right>, _ control: RunControl, index: Int, place: LoopPlace) {
    var wait = IdleWait(
      files: [control.stopFile, control.wakeFile(of: index)] + junction.wakeFileDescriptors,
      longestSpinNanoseconds: control.spinNanoseconds)
    var standing = junction.sleep(.tick(.now))
    // While the loop is awake, time passes at each tick in every stage, whether or not one below it asked for that: a layer
    // may be alone in its loop. A sleeping loop is woken for a deadline only.
    var tick = MonotonicTime.now.advanced(byMilliseconds: RunControl.tickMilliseconds)
    var busyTurns = 0
    var answered: UInt64 = 0
    var end = LoopEnd(isLast: place.isLast)
    while true {
      let requests = control.requests
      if requests != answered {
        if control.isStopping {
          // Where something keeps the loop from its end, this is the last that it says.
          control.publish(outcome(of: junction, place), of: index)
          return
        }
        control.answer(of: index, requests, outcome(of: junction, place))
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
      // An end is passed on step by step.
      if now >= min(standing.deadline, tick) || standing.left.isExhausted {
        standing = junction.sleep(.tick(now))
        tick = now.advanced(byMilliseconds: RunControl.tickMilliseconds)
        tellDrops(of: junction, control)
      } else {
        standing.note(ends: junction.sleep(.disarm))
      }
      if standing.right.isExhausted {
        control.stopExhausted()
      } else if standing.left.isExhausted {
        passOnEnd(&junction, &end, control, hasMoved: hasMoved, at: now)
      }
      if wait.spinExpired(at: now) { sleep(&junction, &wait, &standing, now: now, until: end.deadline) }
    }
  }

  /// The left port is exhausted: the pipeline ends once everything has gone its way.
  @inlinable
  @inline(never)
  func passOnEnd(
    _ junction: inout Junction<Left, Right>, _ end: inout LoopEnd, _ control: RunControl, hasMoved: Bool,
    at now: MonotonicTime
  ) {
    switch end.next(hasMoved: hasMoved, isEmpty: junction.backlog.toReceive.isEmpty, at: now) {
    case .goOn: break
    case .quiesce: junction.left.quiesce()
    case .passOn: try? junction.right.control(.endTransmission)
    case .stop: control.stopExhausted()
    }
  }

  @inlinable
  func sleep(
    _ junction: inout Junction<Left, Right>, _ wait: inout IdleWait, _ standing: inout JunctionReadiness,
    now: MonotonicTime, until deadline: MonotonicTime
  ) {
    // Both are armed before anything is looked at again: what comes in from here on wakes the thread.
    let armed = junction.sleep(.arm)
    // An end that is news is looked at first.
    let isNews =
      armed.left.isExhausted != standing.left.isExhausted || armed.right.isExhausted != standing.right.isExhausted
    if !armed.hasWork, !isNews { wait.sleep(now: now, until: min(deadline, standing.deadline)) }
    standing.note(ends: junction.sleep(.disarm))
  }

  /// Turns without taking anything new, until nothing moves any more.
  @inlinable
  func drain(_ junction: inout Junction<Left, Right>, _ control: RunControl, index: Int) {
    junction.quiesce()
    while true {
      let moves = control.moves
      let moved = junction.turn() > 0
      let now = MonotonicTime.now
      _ = junction.sleep(.tick(now))
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
