public import CleanQ

extension ForkPort where Selector: ForkSelector {
  /// Opens an account of the region for each branch, and registers it with every stage of the branches.
  public mutating func register(_ region: borrowing Region) throws(QueueError) {
    guard refusal(of: region.id) != nil else { throw QueueError(.alreadyRegistered, context: "\(region.id)") }
    let leases = try Leases(of: region, branchCount: count)
    for branch in 0..<count {
      let loop = branches.loop(branch)
      guard let error = unsafe loop.register(loop.junction, region) else { continue }
      for former in 0..<branch {
        let loop = branches.loop(former)
        _ = unsafe loop.deregister(loop.junction, region)
      }
      for branch in 0..<count { leases.close(branch, lentByteCount: 0) }
      throw error
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
      let loop = branches.loop(branch)
      unsafe entries[branch].state.pointee.remainingByteCount = byteCount
      _ = unsafe loop.deregister(loop.junction, region)
      unsafe entries[branch].state.pointee.remainingByteCount = 0
      unsafe entries[branch].state.pointee.isDue = true
    }
    guard elsewhere == 0 else { throw QueueError(.elsewhere(byteCount: elsewhere)) }
    for branch in 0..<count {
      let loop = branches.loop(branch)
      if let error = unsafe loop.deregister(loop.junction, region) { throw error }
    }
    branches.endLeases(of: slot)
  }

  /// Shares out the buffers, where it is told how many there are.
  ///
  /// - Throws: `refused` where the shares that the user gave are more than that.
  public mutating func control(_ request: ControlRequest) throws(QueueError) -> ControlReply {
    guard case .bufferCount(let bufferCount) = request else { throw QueueError(.unsupported) }
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
      let loop = branches.loop(branch)
      do throws(QueueError) { _ = try unsafe loop.control(loop.junction, .bufferCount(share)).get() } catch {
        guard error.code == .unsupported else { throw error }
      }
    }
    return .accepted
  }

  /// The loops' ports notify for themselves, once for each turn.
  @inlinable
  public mutating func notify() {}

  public mutating func advance(to now: MonotonicTime) -> MonotonicTime {
    var deadline = MonotonicTime.never
    for branch in 0..<count {
      deadline = unsafe min(deadline, entries[branch].advance(entries[branch].junction, now))
      let state = unsafe entries[branch].state
      unsafe state.pointee.isDue = true
      // Looked at where it matters: taking the accounts' lock is for a branch that seems to have its share.
      if unsafe state.pointee.lendableCount < Burst.capacity, unsafe state.pointee.isRecountDue {
        unsafe state.pointee.change = branches.change(of: branch).bufferCount
        unsafe state.pointee.isRecountDue = false
      }
    }
    return deadline
  }

  public mutating func arm() -> Bool {
    var isIdle = returned.isEmpty
    for branch in 0..<count {
      let state = unsafe entries[branch].state
      let isBranchIdle = unsafe entries[branch].arm(entries[branch].junction)
      if unsafe state.pointee.isDue || !state.pointee.outbox.isEmpty || !state.pointee.emptied.isEmpty {
        isIdle = false
      }
      guard !isBranchIdle else { continue }
      unsafe state.pointee.isDue = true
      isIdle = false
    }
    return isIdle
  }

  public mutating func disarm() {
    for branch in 0..<count {
      unsafe entries[branch].disarm(entries[branch].junction)
      // Whatever woke the thread may be this branch's.
      unsafe entries[branch].state.pointee.isDue = true
    }
  }

  public func addWakeFileDescriptors(to list: inout [Int32]) {
    for branch in 0..<count {
      let loop = branches.loop(branch)
      let before = list.count
      unsafe loop.addWakeFileDescriptors(loop.junction, &list)
      if list.count > before { unsafe entries[branch].state.pointee.isPolled = true }
    }
  }

  public mutating func quiesce() {
    for branch in 0..<count {
      let loop = branches.loop(branch)
      unsafe loop.quiesce(loop.junction)
      unsafe entries[branch].state.pointee.isDue = true
    }
  }

  public var isExhausted: Bool {
    for branch in 0..<count where unsafe entries[branch].isExhausted(entries[branch].junction) { return true }
    return false
  }

  /// What the devices at the right ends of the branches want.
  public var wantedBufferCount: Int {
    (0..<count).reduce(0) { $0 + wantedCount(of: $1) }
  }

  private func wantedCount(of branch: Int) -> Int { wanted(branch).right + branches.boxes[branch].handedOverCount }

  public var wantedBufferByteCount: Int { (0..<count).reduce(0) { max($0, wanted($1).byteCount) } }

  public var wantedBacking: RegionBacking {
    (0..<count).contains { wanted($0).backing == .shared } ? .shared : .anonymous
  }

  private func wanted(_ branch: Int) -> WantedBuffers {
    let loop = branches.loop(branch)
    return unsafe loop.wanted(loop.junction)
  }

  /// What is in the fork and its branches, on this thread and on others.
  public func accounts() -> BufferAccounts {
    var accounts = BufferAccounts()
    accounts.registeredByteCount = branches.byteCounts.reduce(0, +)
    accounts.addInFlight(returned)
    for branch in 0..<count {
      let loop = branches.loop(branch)
      unsafe accounts.addHoldings(of: loop.accounts(loop.junction))
    }
    return accounts
  }

  /// The reports of the branches' stages, each branch after its account. What nobody claimed is in the report of the stage below.
  public func report(into reports: inout [StageReport]) {
    if unclaimedCount > 0, let last = reports.indices.last {
      reports[last].drops.append(StageReport.Count("unclaimed", unclaimedCount))
    }
    for branch in 0..<count {
      reports.append(account(of: branch))
      let loop = branches.loop(branch)
      unsafe loop.report(loop.junction, &reports)
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
