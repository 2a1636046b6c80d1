public import CleanQ

extension ForkPort where Selector: ForkSelector {
  /// Opens an account of the region for each branch, and registers it with every stage of the branches.
  public mutating func register(_ region: borrowing Region) throws(QueueError) {
    guard refusal(of: region.id) != nil else { throw QueueError(.alreadyRegistered, context: "\(region.id)") }
    let leases = try Leases(of: region, branchCount: count)
    for branch in 0..<count {
      do throws(QueueError) { try unsafe entries[branch].junction.pointee.register(region) } catch {
        for former in 0..<branch { try? unsafe entries[former].junction.pointee.deregister(region) }
        for branch in 0..<count { leases.close(branch, lentByteCount: 0) }
        throw error
      }
    }
    // What went away while it was registered leaves its slot to this one.
    branches.endLeases(of: region.id.slot)
    branches.begin(leases, of: region)
  }

  /// Ends what ``register(_:)`` began.
  ///
  /// - Throws: `elsewhere` while a branch has bytes of the region, or the fork holds some.
  public mutating func deregister(_ region: borrowing Region) throws(QueueError) {
    let slot = region.id.slot
    guard refusal(of: region.id) == nil, let leases = branches.leases[slot] else {
      throw QueueError(.notRegistered, context: "\(region.id)")
    }
    var elsewhere = returned.byteCount(of: region.id)
    for branch in 0..<count {
      let lent = unsafe branches.lentByteCounts[ForkBranches.cell(slot) + branch]
      let byteCount = lent + leases.change(of: branch).byteCount
      guard byteCount > 0 else { continue }
      elsewhere += byteCount
      // A layer that keeps buffers aside gives them back, and learns from the branch's port that it is too early.
      unsafe entries[branch].state.pointee.remainingByteCount = byteCount
      try? unsafe entries[branch].junction.pointee.deregister(region)
      unsafe entries[branch].state.pointee.remainingByteCount = 0
      unsafe entries[branch].state.pointee.isDue = true
    }
    guard elsewhere == 0 else { throw QueueError(.elsewhere(byteCount: elsewhere)) }
    for branch in 0..<count { try unsafe entries[branch].junction.pointee.deregister(region) }
    branches.endLeases(of: slot)
  }

  /// Takes `bufferCount`, to share out the buffers, and `quiesce`.
  ///
  /// - Throws: `refused` where the shares that the user gave are more than the buffers.
  public mutating func control(_ request: ControlRequest) throws(QueueError) {
    switch request {
    case .bufferCount(let bufferCount): try shareOut(bufferCount)
    case .quiesce:
      for branch in 0..<count {
        unsafe entries[branch].junction.pointee.quiesce()
        unsafe entries[branch].state.pointee.isDue = true
      }
    case .endTransmission: throw QueueError(.unsupported)
    }
  }

  private mutating func shareOut(_ bufferCount: Int) throws(QueueError) {
    let boxes = branches.boxes
    let given = boxes.reduce(0) { $0 + ($1.share ?? 0) }
    let restCount = boxes.count { $0.share == nil }
    guard given + restCount <= bufferCount else {
      throw QueueError(
        .refused,
        context: "the shares of the branches are \(given) buffers, of \(bufferCount) for \(count) branches; lower them")
    }
    for (branch, box) in boxes.enumerated() {
      let share = box.share ?? (bufferCount - given) / restCount
      box.take(share: share, wantedCount: wantedCount(of: branch))
      do throws(QueueError) { try unsafe entries[branch].junction.pointee.right.control(.bufferCount(share)) } catch {
        guard error.code == .unsupported else { throw error }
      }
    }
  }

  /// The loops' ports notify for themselves, once for each turn.
  @inlinable
  public mutating func notify() {}

  /// Asks the branches.
  public mutating func sleep(_ step: SleepStep) -> Readiness {
    var readiness = Readiness(hasWork: !returned.isEmpty)
    for branch in 0..<count {
      let state = unsafe entries[branch].state
      let standing = unsafe entries[branch].junction.pointee.sleep(step)
      if standing.isExhausted { readiness.isExhausted = true }
      switch step {
      case .tick:
        readiness.deadline = min(readiness.deadline, standing.deadline)
        unsafe state.pointee.isDue = true
        // Looked at where it matters: taking the accounts' lock is for a branch that seems to have its share.
        if unsafe state.pointee.lendableCount < Burst.capacity, unsafe state.pointee.isRecountDue {
          unsafe state.pointee.change = branches.change(of: branch).bufferCount
          unsafe state.pointee.isRecountDue = false
        }
      case .arm:
        if standing.hasWork { unsafe state.pointee.isDue = true }
        if unsafe state.pointee.isDue || state.pointee.backlog.hasDepartures {
          readiness.hasWork = true
        }
      // What woke the thread may be this branch's.
      case .disarm: unsafe state.pointee.isDue = true
      }
    }
    return readiness
  }

  /// What the devices at the right ends of the branches want, and what wakes the branches.
  public var capabilities: PortCapabilities {
    var capabilities = PortCapabilities()
    for branch in 0..<count {
      let wanted = wanted(branch)
      capabilities.wantedBufferCount += wantedCount(of: branch)
      capabilities.wantedBufferByteCount = max(capabilities.wantedBufferByteCount, wanted.byteCount)
      if wanted.backing == .shared { capabilities.wantedBacking = .shared }
      unsafe capabilities.wakeFileDescriptors += entries[branch].junction.pointee.wakeFileDescriptors
    }
    return capabilities
  }

  private func wantedCount(of branch: Int) -> Int { wanted(branch).right + branches.boxes[branch].handedOverCount }

  private func wanted(_ branch: Int) -> WantedBuffers { unsafe entries[branch].junction.pointee.wanted }

  /// What is in the fork and its branches, on this thread and on others; the reports of the branches' stages, each
  /// branch after its account. What nobody claimed is in the report of the stage below.
  public func report(into report: inout PortReport) {
    if unclaimedCount > 0, let last = report.stages.indices.last {
      report.stages[last].drops.append(StageReport.Count("unclaimed", unclaimedCount))
    }
    report.accounts.registeredByteCount = branches.byteCounts.reduce(0, +)
    report.accounts.addInFlight(returned)
    for branch in 0..<count {
      report.stages.append(account(of: branch))
      let held = unsafe entries[branch].junction.pointee.report(into: &report.stages)
      unsafe report.accounts.addHoldings(of: entries[branch].junction.pointee.held())
      report.accounts.addHoldings(of: held.left)
      report.accounts.addHoldings(of: held.right)
    }
  }

  /// What the fork says of a branch.
  private func account(of branch: Int) -> StageReport {
    let box = branches.boxes[branch]
    let state = unsafe entries[branch].state
    var report = StageReport(box.name)
    report.branch = box.stage
    let lent = unsafe state.pointee.lentCount + branches.change(of: branch).bufferCount
    report.gauges.append(StageReport.Count("lent", UInt64(max(0, lent))))
    if unsafe state.pointee.limit < .max {
      unsafe report.gauges.append(StageReport.Count("share", UInt64(state.pointee.limit)))
    }
    if unsafe state.pointee.shareDropCount > 0 {
      unsafe report.drops.append(StageReport.Count("share-used-up", state.pointee.shareDropCount))
    }
    if unsafe state.pointee.inboxDropCount > 0 {
      unsafe report.drops.append(StageReport.Count("branch-full", state.pointee.inboxDropCount))
    }
    return report
  }
}
