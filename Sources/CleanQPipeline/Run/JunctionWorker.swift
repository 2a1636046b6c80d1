internal import CleanQ

/// The loop over one junction.
final class JunctionWorker<Left: Port & ~Copyable, Right: Port & ~Copyable>: Worker where Left.Unit == Right.Unit {
  /// Nil once the loop has taken it to its thread.
  private var junction: Junction<Left, Right>?

  init(_ left: consuming Left, _ right: consuming Right) { junction = Junction(left, right) }

  override var wantedBuffers: (left: Int, right: Int) {
    (junction?.left.wantedBufferCount ?? 0, junction?.right.wantedBufferCount ?? 0)
  }

  override var wantedBufferByteCount: Int {
    max(junction?.left.wantedBufferByteCount ?? 0, junction?.right.wantedBufferByteCount ?? 0)
  }

  override func register(_ region: borrowing Region, isLast: Bool) throws(QueueError) {
    try junction?.left.register(region)
    if isLast { try junction?.right.register(region) }
  }

  override func prime(from region: borrowing Region, left: Int, right: Int, byteCount: Int) {
    var burst = Burst()
    var wanted = (left: left, right: right)
    while wanted.left > 0, carve(from: region, byteCount: byteCount, count: min(wanted.left, burst.room), &burst) {
      let given = burst.count
      guard junction?.left.fill(&burst) == nil else { break }
      wanted.left -= given
    }
    while wanted.right > 0, carve(from: region, byteCount: byteCount, count: min(wanted.right, burst.room), &burst) {
      let given = burst.count
      guard junction?.right.fill(&burst) == nil else { break }
      wanted.right -= given
    }
    junction?.left.notify()
    junction?.right.notify()
    burst.releaseAll()
  }

  private func carve(from region: borrowing Region, byteCount: Int, count: Int, _ burst: inout Burst) -> Bool {
    for _ in 0..<count {
      guard var buffer = region.buffer(byteCount: byteCount) else { break }
      buffer.reset()
      burst.append(buffer)
    }
    return !burst.isEmpty
  }

  override func run(_ control: RunControl, index: Int, isLast: Bool) {
    guard var junction = junction.take(), control.passGate() else { return }
    loop(&junction, control)
    drain(&junction, control, index: index)
    control.waitUntilAllRest()
    junction.left.report(into: &outcome.reports)
    junction.right.report(into: &outcome.reports)
    outcome.held = junction.held()
    outcome.held.addHoldings(of: junction.left.census())
    let right = junction.right.census()
    if isLast {
      outcome.held.addHoldings(of: right)
      outcome.expectedByteCount = control.region.liveByteCount
      outcome.bufferCount = control.region.liveBufferCount
    } else {
      outcome.expectedByteCount = right.ownedByteCount
    }
    // The ports close when this returns, on the thread that used them.
    control.waitUntilAllCounted()
  }

  /// Turns until the pipeline is to stop.
  private func loop(_ junction: inout Junction<Left, Right>, _ control: RunControl) {
    var files = [control.stopFile]
    junction.left.addWakeFileDescriptors(to: &files)
    junction.right.addWakeFileDescriptors(to: &files)
    var wait = IdleWait(files: files)
    var deadline = advance(&junction, to: .now)
    var busyTurns = 0
    while !control.isStopping {
      if junction.turn() > 0 {
        wait.reset()
        busyTurns &+= 1
        // The clock is read once in a while when there is work, and at every turn when there is none.
        if busyTurns & 31 != 0 { continue }
      }
      let now = MonotonicTime.now
      if now >= deadline { deadline = advance(&junction, to: now) }
      if junction.left.isExhausted || junction.right.isExhausted { control.stop() }
      if wait.isTired(at: now) { sleep(&junction, &wait, now: now, until: deadline) }
    }
  }

  private func sleep(
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
  private func drain(_ junction: inout Junction<Left, Right>, _ control: RunControl, index: Int) {
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

  private func advance(_ junction: inout Junction<Left, Right>, to now: MonotonicTime) -> MonotonicTime {
    min(junction.left.advance(to: now), junction.right.advance(to: now))
  }
}
