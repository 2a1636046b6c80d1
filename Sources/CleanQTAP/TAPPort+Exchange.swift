internal import CleanQ
internal import CleanQWire
internal import Glibc

extension TAPPort {
  /// The most writes in one system call; the rest of a batch is for reads.
  private static var writesPerBatch: Int { UringTransport.entryCount &- ReadBudget.most }

  /// Hands the kernel what waits, and takes its answers.
  mutating func exchange(writes: Bool) {
    while true {
      batch.begin()
      if writes { planWrites() }
      let isLast = batch.writeCount < Self.writesPerBatch
      if isLast { planReads() }
      guard batch.count > 0 else { return }
      transport.perform(&batch)
      let isComplete = settleWrites()
      settleReads()
      if isLast || !isComplete { return }
    }
  }

  /// Asks for a write of each frame that waits, as many as fit.
  private mutating func planWrites() {
    var first = 0
    while first < transmitting.waitingCount, batch.writeCount < Self.writesPerBatch {
      let run = run(at: first)
      let isCut = transmitting[waiting: first].isCut
      if run.byteCount > maximumFrameByteCount || isCut {
        // To drop a frame behind others would give their buffers back out of order; it is dropped when they are done.
        guard first == 0 else { return }
        if isCut { counters.drops.truncated &+= 1 } else { counters.countOversize(byteCount: run.byteCount) }
        transmitting.finishFirst(run.bufferCount)
        continue
      }
      if hasDriverHeader {
        guard run.bufferCount < batch.vectorRoom else { return }
        first &+= appendBehindHeader(run, at: first)
        continue
      }
      guard run.bufferCount == 1 || run.bufferCount <= batch.vectorRoom else { return }
      append(run, at: first)
      first &+= run.bufferCount
    }
  }

  /// How many buffers and bytes the frame has that begins at a waiting buffer.
  private func run(at first: Int) -> (bufferCount: Int, byteCount: Int) {
    var index = first
    var byteCount = 0
    while true {
      byteCount &+= transmitting[waiting: index].validByteCount
      let isLast = transmitting[waiting: index].flags.contains(.last)
      index &+= 1
      if isLast { return (index &- first, byteCount) }
    }
  }

  private mutating func append(_ run: (bufferCount: Int, byteCount: Int), at first: Int) {
    // SAFETY: the lane owns the buffers and moves none before the batch is answered; valid parts are inside.
    if run.bufferCount == 1 {
      unsafe batch.appendWrite(transmitting[waiting: first].address, byteCount: run.byteCount)
      return
    }
    appendParts(first..<(first &+ run.bufferCount), droppingFirst: 0)
    batch.appendGather(vectorCount: run.bufferCount, bufferCount: run.bufferCount, frameCount: 1)
  }

  /// Adds what is behind the first `count` bytes of each of these buffers to the frame that is being gathered.
  private mutating func appendParts(_ indices: Range<Int>, droppingFirst count: Int) {
    for index in indices {
      let byteCount = transmitting[waiting: index].validByteCount &- count
      // SAFETY: as in `append`; every caller asks for no more than is valid.
      unsafe batch.appendVector(transmitting[waiting: index].address.advanced(by: count), byteCount: byteCount)
    }
  }

  /// Asks for a write of the frame that begins here, and of those behind it that go to the kernel as one with it.
  ///
  /// - Returns: how many buffers that takes.
  private mutating func appendBehindHeader(_ run: (bufferCount: Int, byteCount: Int), at first: Int) -> Int {
    if takesTrains, run.bufferCount == 1, let train = train(at: first) {
      batch.appendHeader(byteCount: DriverHeader.byteCount &+ UDPFrame.byteCount) { bytes in
        train.writeHeaders(into: &bytes)
      }
      appendParts(first..<(first &+ train.count), droppingFirst: UDPFrame.byteCount)
      batch.appendGather(vectorCount: train.count &+ 1, bufferCount: train.count, frameCount: train.count)
      counters.joinedCount &+= UInt64(truncatingIfNeeded: train.count)
      return train.count
    }
    batch.appendPlainHeader(byteCount: DriverHeader.byteCount)
    appendParts(first..<(first &+ run.bufferCount), droppingFirst: 0)
    batch.appendGather(vectorCount: run.bufferCount &+ 1, bufferCount: run.bufferCount, frameCount: 1)
    return run.bufferCount
  }

  /// The longest train that begins with a waiting buffer; nil where it would be one frame.
  private func train(at first: Int) -> DatagramTrain? {
    guard first &+ 1 < transmitting.waitingCount, var train = DatagramTrain(transmitting[waiting: first]) else {
      return nil
    }
    let most = min(transmitting.waitingCount &- first, batch.vectorRoom &- 1)
    while train.count < most, transmitting[waiting: first &+ train.count].flags.contains(.last),
      train.take(transmitting[waiting: first &+ train.count])
    {}
    return train.count > 1 ? train : nil
  }

  /// Asks for as many reads as are likely to find a frame, unless a burst is there to be taken already.
  private mutating func planReads() {
    guard !isQuiescing, !isGone, receiving.doneCount < Burst.capacity else { return }
    for index in 0..<min(budget.count, receiving.waitingCount) {
      let before = hasDriverHeader ? DriverHeader.byteCount : 0
      let headroom = receiving[waiting: index].headroom
      guard headroom >= before else {
        batch.appendReadOfNothing()
        continue
      }
      let byteCount = receiving[waiting: index].byteCount &- headroom &+ before
      // SAFETY: the lane owns the buffer and does not move it before the batch is answered; the part behind the headroom
      // is inside, and so much of the headroom.
      unsafe batch.appendRead(receiving[waiting: index].address.advanced(by: -before), byteCount: byteCount)
    }
  }

  /// - Returns: false where the kernel did not begin every write; those wait for the next call.
  private mutating func settleWrites() -> Bool {
    for index in 0..<batch.writeCount {
      let operation = batch[index]
      let result = operation.result
      if result == IOBatch.unanswered { return false }
      if result == -EFAULT {
        for waiting in 0..<operation.bufferCount { transmitting[waiting: waiting].touch() }
      }
      transmitting.finishFirst(operation.bufferCount)
      if result < 0 {
        counters.drops.count(writeError: -result, frames: operation.frameCount)
        if TAPCounters.meansGone(-result) { end(-result) }
      }
    }
    return true
  }

  /// Frames come in the order of the reads, in buffers in the order in which they were filled, where they fit; buffers that are left
  /// wait on.
  private mutating func settleReads() {
    let asked = batch.count &- batch.writeCount
    guard asked > 0 else { return }
    var unused = 0
    for index in batch.writeCount..<batch.count {
      let result = batch[index].result
      if result >= 0, accept(byteCount: Int(result) &- (hasDriverHeader ? DriverHeader.byteCount : 0), at: unused) {
        // Behind others that wait is what came between two reads, or after a frame that was dropped.
        receiving.finish(waiting: unused)
        continue
      }
      if result == -EFAULT {
        // The kernel has taken the frame off its queue already. The next one finds a page.
        receiving[waiting: unused].touch()
        counters.drops.memoryLost &+= 1
      } else if result < 0, result != IOBatch.unanswered {
        settle(readError: -result)
      }
      unused &+= 1
    }
    budget.learn(asked: asked, found: asked &- unused)
  }

  /// Makes a frame of what a read put into a waiting buffer.
  ///
  /// - Returns: false if it is not a whole frame; it is dropped then.
  private mutating func accept(byteCount: Int, at index: Int) -> Bool {
    let room = receiving[waiting: index].byteCount &- receiving[waiting: index].headroom
    if byteCount > maximumFrameByteCount {
      counters.countOversize(byteCount: byteCount)
      return false
    }
    // The kernel cuts off what does not fit, and does not say so.
    if byteCount < Self.headerByteCount || (byteCount >= room && room < maximumFrameByteCount) {
      counters.drops.truncated &+= 1
      return false
    }
    let headroom = receiving[waiting: index].headroom
    return receiving[waiting: index].setValid(offset: headroom, byteCount: byteCount)
  }

  private mutating func settle(readError number: Int32) {
    switch number {
    case EAGAIN, EINTR: counters.emptyReadCount &+= 1
    case ENOMEM, ENOBUFS: counters.drops.noMemory &+= 1
    default: end(number)
    }
  }

  /// The device is gone: nothing will be received any more. Said once.
  private mutating func end(_ number: Int32) {
    guard !isGone else { return }
    isGone = true
    let reason = "the device was removed (\(systemErrorText(number)))"
    counters.failure = reason
    onEvent(.removed(reason: reason))
  }
}
