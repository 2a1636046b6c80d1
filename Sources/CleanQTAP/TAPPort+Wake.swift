extension TAPPort {
  /// Watches the device, unless there is something to do at once.
  public mutating func arm() -> Bool {
    let hasWork = receiving.doneCount > 0 || transmitting.doneCount > 0 || transmitting.waitingCount > 0
    if hasWork { return false }
    // Whoever wakes up looks at the device first.
    hasLooked = false
    // Without a buffer to read into, or after the end, a frame is no reason to wake up.
    if isGone || isQuiescing || receiving.waitingCount == 0 { return true }
    return waker.arm(device.file)
  }

  public mutating func disarm() { waker.disarm(device.file) }

  public func addWakeFileDescriptors(to list: inout [Int32]) { list.append(waker.file) }

  /// Reads no more. What was read is still received, what was transmitted still written.
  public mutating func quiesce() { isQuiescing = true }

  public var isExhausted: Bool { (isGone || isQuiescing) && receiving.doneCount == 0 }
}
