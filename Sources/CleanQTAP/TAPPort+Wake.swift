public import CleanQ

extension TAPPort {
  public mutating func sleep(_ step: SleepStep) -> Readiness {
    var readiness = Readiness()
    switch step {
    case .tick(let now):
      // A port that sleeps time and again stays armed; one that is busy costs the kernel's sender nothing.
      if !hasSlept { waker.disarm(device.file) }
      hasSlept = false
      readiness.deadline = look(at: now)
    case .arm: readiness.hasWork = !watchDevice()
    case .disarm: break
    }
    readiness.isExhausted = (isGone || isQuiescing) && receiving.doneCount == 0
    return readiness
  }

  /// Has a frame wake this side, unless there is something to do at once.
  private mutating func watchDevice() -> Bool {
    let hasWork = receiving.doneCount > 0 || transmitting.doneCount > 0 || transmitting.waitingCount > 0
    if hasWork { return false }
    // After waking up, the loop looks at the device first.
    looksToSkip = 0
    // Without a buffer to read into, or after the end, a frame is not a reason to wake up.
    if isGone || isQuiescing || receiving.waitingCount == 0 {
      waker.disarm(device.file)
      return true
    }
    hasSlept = true
    return waker.arm(device.file)
  }

  /// Takes `quiesce`: reads no more. What was read is still received, what was transmitted still written.
  public mutating func control(_ request: ControlRequest) throws(QueueError) {
    guard request == .quiesce else { throw QueueError(.unsupported) }
    isQuiescing = true
  }
}
