internal import CleanQ

// Wake-ups, and ends.

extension Bench where Peer: ~Copyable {
  mutating func runNotify() throws(Stop) {
    try supply(4 + traits.heldBackBufferCount)
    for _ in 0..<traits.heldBackBufferCount { try enqueueOne() }
    subject.notify()
    try drain()
    for _ in 0..<8 {
      try supply(1)
      try enqueueOne()
      subject.notify()
      // What is announced is looked at: a peer that takes finds it, a device that works finishes it.
      try drain()
      try require(.notify, ledger.awayCount <= traits.heldBackBufferCount, "what was announced was not looked at")
    }
    // Notifying without a cause is harmless.
    for _ in 0..<3 { subject.notify() }
    try checkRest(.notify)
  }

  /// Enqueue, arm and notify in every order: a sleeping side is woken.
  mutating func runSleep() throws(Stop) {
    guard let sleep else { return }
    guard Peer.kind == .driven else { return }
    for round in 0..<40 {
      try supply(2)
      try enqueueOne()
      try peerTake(.max)
      switch round % 4 {
      case 0:
        // It arrives before the arm: no sleep.
        try peerGive(1)
        try require(.notify, !sleep.arm(&subject), "something has arrived, and arm says that it is safe to sleep")
        sleep.disarm(&subject)
      case 1:
        // It arrives and is announced after the arm: woken.
        try require(.notify, sleep.arm(&subject), "nothing has arrived, and arm says that something has")
        try peerGive(1)
        peer.notify(&subject)
        try require(
          .notify, isAnyReadable(sleep.files(subject), milliseconds: 200), "armed, then notified, and never woken")
        sleep.disarm(&subject)
      case 2:
        // It arrives before the arm and is announced after it.
        try peerGive(1)
        let isSafe = sleep.arm(&subject)
        peer.notify(&subject)
        try require(
          .notify, !isSafe || isAnyReadable(sleep.files(subject), milliseconds: 200),
          "arm said that it is safe to sleep, and the notification was lost")
        sleep.disarm(&subject)
      default:
        // Armed again without a disarm, after a wake-up.
        _ = sleep.arm(&subject)
        peer.notify(&subject)
        try require(.notify, sleep.arm(&subject), "nothing has arrived, and arm says that something has")
        try peerGive(1)
        peer.notify(&subject)
        try require(
          .notify, isAnyReadable(sleep.files(subject), milliseconds: 200), "armed twice, notified, and never woken")
        sleep.disarm(&subject)
      }
      try drain()
      try require(.notify, sleep.arm(&subject), "everything is taken, and arm says that something has arrived")
      try require(
        .notify, !isAnyReadable(sleep.files(subject), milliseconds: 0),
        "disarmed and drained, and the wake-up is still up")
      sleep.disarm(&subject)
    }
  }

  mutating func runPeerGone() throws(Stop) {
    try supply(4)
    for _ in 0..<3 where isExact && (capacity ?? 3) >= 3 { try enqueueOne() }
    try peerTake(2)
    try peerGive(1)
    journal.note("the other side goes")
    guard peer.leave() else { return skip(.peerGone, "this kind of queue has no other side that could go") }
    hasPeerLeft = true
    // What it kept went home with it.
    let kept = ledger.atPeer
    ledger.atPeer = []
    let known = hand.byteCount(of: region.id) + ledger.away.byteCount(of: region.id)
    try require(
      .peerGone, region.liveByteCount == known,
      "the other side went with \(kept.count) buffers: \(region.liveByteCount) bytes are out, \(known) are known")
    try requireClosed()
    try requireDelivery()
    let accounts = subject.accounts()
    try require(.peerGone, accounts.registeredByteCount == region.byteCount, "the regions went with the other side")
    subject.notify()
  }

  /// A side that sleeps when the other side closes is woken, and does not sleep again.
  mutating func runPeerGoneAsleep() throws(Stop) {
    guard let sleep, Peer.kind == .driven else { return }
    try supply(1)
    try enqueueOne()
    try drain()
    try require(.notify, sleep.arm(&subject), "everything is taken, and arm says that something has arrived")
    journal.note("armed; the other side goes")
    guard peer.leave() else { return }
    hasPeerLeft = true
    try require(
      .peerGone, isAnyReadable(sleep.files(subject), milliseconds: 200),
      "this side slept when the other went, and was never woken")
    sleep.disarm(&subject)
    let isSafe = sleep.arm(&subject)
    sleep.disarm(&subject)
    try require(.peerGone, !isSafe, "the other side has gone, and arm says that it is safe to wait for it")
  }

  /// What is enqueued now would have no taker.
  private mutating func requireClosed() throws(Stop) {
    guard let buffer = hand.popFirst() else { return }
    let name = buffer.name
    journal.note("enqueue \(name.text)")
    guard let refused = subject.enqueue(buffer) else {
      throw journal.fail(.peerGone, "the other side has gone, and a buffer for it was taken")
    }
    let reason = refused.reason
    let back = refused.take()
    let backName = back.name
    hand.append(back)
    try require(.peerGone, reason == .closed, "the other side has gone, and a buffer was refused as \(reason)")
    try require(.handBack, backName == name, "handed over \(name.text), got \(backName.text) back")
    var burst = Burst()
    while burst.room > 0, let buffer = hand.popFirst() { burst.append(buffer) }
    let count = burst.count
    let refusal = subject.enqueue(&burst)
    let left = burst.count
    while let buffer = burst.popFirst() { hand.append(buffer) }
    try require(.peerGone, refusal == .closed && left == count, "the other side has gone, and a burst was not refused")
  }

  /// What was handed over before it went is still delivered.
  private mutating func requireDelivery() throws(Stop) {
    let expected = ledger.inward
    for name in expected {
      guard let buffer = subject.dequeue() else {
        throw journal.fail(.peerGone, "\(name.text) was handed over before the other side went, and does not come")
      }
      let isRight = buffer.name == name || traits.rewrites && buffer.name.isSameStart(as: name)
      hand.append(buffer)
      ledger.inward.removeFirst()
      try require(.peerGone, isRight, "\(name.text) was handed over before the other side went; something else came")
    }
    guard let extra = subject.dequeue() else { return }
    Quarantine.take(extra)
    throw journal.fail(.exclusion, "the other side has gone, and more came than it had handed over")
  }

  /// The end comes with buffers in every place; ``finish()`` looks at what becomes of them.
  mutating func runDestroy() throws(Stop) {
    let count = min(capacity ?? 3, 6)
    try supply(count + traits.heldBackBufferCount)
    for _ in 0..<count { try enqueueOne() }
    try peerTake(count - count / 3)
    try peerGive(count / 3)
  }
}
