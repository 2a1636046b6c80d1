public import CleanQ
public import Synchronization

/// The right end of a loop above which there are several users: each packet goes to the branch that claims it, and what the
/// branches send goes down.
///
///                      ┌──────────── inbox ──► branch: layers ─ junction ─ right end
///      transmit ──► ───┼──────────── inbox ──► branch: …
///                      └──► returned
///      receive ◄───────────────── outboxes ◄── the branches' transmits, one branch after the other
///      fill ──► ──────────── each to the branch that sent it
///      complete ◄─────── returned, free buffers ◄── the branches' fills
///
/// Each branch has an account: the buffers that were lent to it and have not come back, those that it has sent and that are not
/// completed yet among them. It never has more than its share; a packet beyond that is dropped, counted, and its buffers go back
/// at once, as do those of packets that nobody claims. So a branch that stops costs the others nothing but its share. Order holds
/// on the way to each branch, and from each.
///
/// The branches run on the fork's thread, which turns their loops: each that has work, once for each ``receive(into:)``.
/// Thread-confined.
@safe
@frozen
public struct ForkPort<Selector: ForkSelector>: Port, ~Copyable {
  public typealias Unit = Selector.Unit

  /// Keeps what the pointers below point to.
  @usableFromInline let branches: ForkBranches
  @usableFromInline let count: Int
  @usableFromInline let entries: UnsafeMutablePointer<ForkBranches.Entry>
  @usableFromInline let regions: UnsafeMutablePointer<ForkBranches.RegionEntry>
  @usableFromInline let notes: UnsafeMutablePointer<LeaseNotes>
  @usableFromInline let owners: UnsafeMutablePointer<UInt8>
  @usableFromInline let lentByteCounts: UnsafeMutablePointer<Int>
  @usableFromInline let table: UnsafeMutablePointer<Atomic<UInt8>>
  /// Buffers that no branch has: on the way back to the receive queue below.
  @usableFromInline var returned = Burst()
  /// Empty but in a call.
  @usableFromInline var priming = Burst()
  /// The branch whose outbox is emptied first in the next call.
  @usableFromInline var next = 0
  @usableFromInline var unclaimedCount: UInt64 = 0

  // SAFETY, for each use of the pointers in this file and the next: `branches` keeps what they point to; the slot of a region that
  // exists is inside the directory, and is masked besides; keys are below the selector's count, and what the table says below
  // `count`, or ``ClaimTable/unclaimed``. Only the fork's thread uses them.

  @inlinable
  public init(_ branches: ForkBranches) {
    self.branches = branches
    count = branches.count
    unsafe entries = branches.entries
    unsafe regions = branches.regions
    unsafe notes = branches.notes
    unsafe owners = branches.owners
    unsafe lentByteCounts = branches.lentByteCounts
    unsafe table = branches.claims.branches
  }

  @inlinable
  @inline(__always)
  func entry(of region: RegionID) -> UnsafeMutablePointer<ForkBranches.RegionEntry> {
    unsafe regions + (region.slot & (RegionDirectory.capacity &- 1))
  }

  @inlinable
  public func refusal(of region: RegionID) -> Refusal? {
    unsafe entry(of: region).pointee.id == region && region != .none ? nil : .unknownRegion
  }

  // MARK: Up

  @inlinable
  @discardableResult
  public mutating func transmit(_ filled: inout Burst) -> Refusal? {
    while !filled.isEmpty {
      let region = filled[0].region
      guard refusal(of: region) == nil else { return .unknownRegion }
      let branch = unsafe table[Selector.key(of: filled[0])].load(ordering: .relaxed)
      if branch != ClaimTable.unclaimed, deliver(&filled, of: region, to: Int(branch)) > 0 { continue }
      if let refusal = deliverFirst(&filled) { return refusal }
    }
    return nil
  }

  /// Gives packets from the front of a burst to their branch: those in one buffer each that are one behind the other, as long as
  /// the branch may have more.
  ///
  /// - Returns: how many they are.
  @inlinable
  @inline(__always)
  mutating func deliver(_ filled: inout Burst, of region: RegionID, to branch: Int) -> Int {
    let state = unsafe entries[branch].state
    let limit = unsafe min(filled.count, state.pointee.lendableCount, state.pointee.backlog.toReceive.room)
    let cell = ForkBranches.cell(region.slot) &+ branch
    let (own, all) = unsafe (notes[cell], entry(of: region).pointee.notes)
    var count = 0
    while count < limit {
      let span = filled.contiguousSpan(from: count, to: limit)
      let spanCount = span.count
      let lent = unsafe Self.lend(span, of: region, to: UInt8(truncatingIfNeeded: branch), table, own, all)
      count &+= lent.count
      unsafe lentByteCounts[cell] &+= lent.byteCount
      guard lent.count == spanCount else { break }
    }
    guard count > 0 else { return 0 }
    unsafe state.pointee.lentCount &+= count
    unsafe filled.moveFirst(count, to: &state.pointee.backlog.toReceive)
    return count
  }

  // MARK: Down

  @inlinable
  public mutating func receive(into filled: inout Burst) {
    var branch = next
    for _ in 0..<count {
      let state = unsafe entries[branch].state
      if unsafe state.pointee.isDue || state.pointee.isPolled || state.pointee.backlog.hasArrivals
        || state.pointee.skipCount >= ForkBranches.mostSkips
      {
        turn(branch)
      } else {
        unsafe state.pointee.skipCount &+= 1
      }
      if unsafe !state.pointee.backlog.toTransmit.isEmpty { collect(branch, into: &filled) }
      branch = branch &+ 1 == count ? 0 : branch &+ 1
    }
    next = next &+ 1 == count ? 0 : next &+ 1
  }

  /// Turns the loop of a branch.
  @inlinable
  @inline(__always)
  mutating func turn(_ branch: Int) {
    let state = unsafe entries[branch].state
    unsafe state.pointee.skipCount = 0
    unsafe state.pointee.isDue = false
    if unsafe BranchLoop.turn(entries[branch].junction) > 0 { unsafe state.pointee.isDue = true }
  }

  /// Takes packets that a branch transmits, whole ones, as many as fit.
  @inlinable
  @inline(__always)
  mutating func collect(_ branch: Int, into filled: inout Burst) {
    let state = unsafe entries[branch].state
    guard unsafe state.pointee.backlog.toTransmit.count <= filled.room,
      unsafe !state.pointee.backlog.toTransmit.contains(.reply)
    else {
      return collectSlowly(branch, into: &filled)
    }
    unsafe filled.append(contentsOf: &state.pointee.backlog.toTransmit)
    noteRoom(in: branch)
  }

  /// The branch was refused before, and has room now.
  @inlinable
  @inline(__always)
  func noteRoom(in branch: Int) {
    let state = unsafe entries[branch].state
    guard unsafe state.pointee.isRefused else { return }
    unsafe state.pointee.isRefused = false
    unsafe state.pointee.isDue = true
  }

  // MARK: Buffers

  @inlinable
  @discardableResult
  public mutating func fill(_ freeBuffers: inout Burst) -> Refusal? {
    while !freeBuffers.isEmpty {
      let region = freeBuffers[0].region
      guard refusal(of: region) == nil else { return .unknownRegion }
      guard let index = unsafe freeBuffers[0].firstLease(of: entry(of: region).pointee.notes) else {
        if let refusal = prime(&freeBuffers) { return refusal }
        continue
      }
      let branch = unsafe Int(owners[ForkBranches.cell(region.slot) &+ index])
      let note = unsafe notes[ForkBranches.cell(region.slot) &+ branch]
      var run = 0
      while run < freeBuffers.count {
        let limit = freeBuffers.count &- run
        let found = Self.count(freeBuffers.contiguousSpan(from: run, to: freeBuffers.count), of: region, note)
        run &+= found
        guard found < limit, found > 0 else { break }
      }
      let state = unsafe entries[branch].state
      guard unsafe run <= state.pointee.backlog.toComplete.room else {
        if let refusal = fillSlowly(branch, run, &freeBuffers) { return refusal }
        continue
      }
      unsafe freeBuffers.moveFirst(run, to: &state.pointee.backlog.toComplete)
    }
    return nil
  }

  @inlinable
  public mutating func complete(into sent: inout Burst) {
    if !returned.isEmpty { sent.append(contentsOf: &returned) }
    for branch in 0..<count {
      if unsafe !entries[branch].state.pointee.backlog.toFill.isEmpty { takeBack(branch, into: &sent) }
    }
  }

  /// Takes empty buffers back from a branch, as many as fit.
  @inlinable
  @inline(__always)
  mutating func takeBack(_ branch: Int, into sent: inout Burst) {
    let state = unsafe entries[branch].state
    let taken = unsafe min(state.pointee.backlog.toFill.count, sent.room)
    unsafe settle(branch, &state.pointee.backlog.toFill, taken)
    unsafe state.pointee.backlog.toFill.moveFirst(taken, to: &sent)
    noteRoom(in: branch)
  }

  /// Takes the first buffers of a burst out of a branch's account.
  @inlinable
  @inline(__always)
  func settle(_ branch: Int, _ burst: inout Burst, _ limit: Int) {
    let state = unsafe entries[branch].state
    var done = 0
    while done < limit {
      let region = burst[done].region
      let cell = ForkBranches.cell(region.slot) &+ branch
      let ended = Self.endLeases(burst.contiguousSpan(from: done, to: limit), of: region, unsafe notes[cell])
      unsafe lentByteCounts[cell] &-= ended.byteCount
      unsafe state.pointee.lentCount &-= ended.noted
      done &+= ended.count
    }
  }

  // MARK: Loops over contiguous spans

  /// Lends packets in one buffer each to a branch, from the first, as long as they are of one region and the branch's own, and have
  /// no note of a former lease.
  ///
  /// A function by itself, as the next two, so that all it needs is in registers.
  ///
  /// - Returns: how many they are, and the bytes of their buffers.
  @inlinable
  @inline(never)
  static func lend(
    _ buffers: consuming MutableSpan<Buffer>, of region: RegionID, to branch: UInt8,
    _ table: UnsafePointer<Atomic<UInt8>>,
    _ note: LeaseNotes, _ notes: LeaseNotes
  ) -> (count: Int, byteCount: Int) {
    var index = 0
    var byteCount = 0
    while index < buffers.count, buffers[index].region == region, buffers[index].isWholePacket(without: notes),
      unsafe table[Selector.key(of: buffers[index])].load(ordering: .relaxed) == branch
    {
      buffers[index].lend(note)
      byteCount &+= buffers[index].byteCount
      index &+= 1
    }
    return (index, byteCount)
  }

  /// - Returns: how many buffers of a region have the note, from the first.
  @inlinable
  @inline(never)
  static func count(_ buffers: consuming MutableSpan<Buffer>, of region: RegionID, _ note: LeaseNotes) -> Int {
    var index = 0
    while index < buffers.count, buffers[index].region == region, buffers[index].isLent(note) { index &+= 1 }
    return index
  }

  /// Takes a note off the buffers of a region, from the first.
  ///
  /// - Returns: how many they are; how many had the note, and their bytes.
  @inlinable
  @inline(never)
  static func endLeases(_ buffers: consuming MutableSpan<Buffer>, of region: RegionID, _ note: LeaseNotes) -> (
    count: Int, noted: Int, byteCount: Int
  ) {
    var index = 0
    var noted = 0
    var byteCount = 0
    while index < buffers.count, buffers[index].region == region {
      let lent = buffers[index].endLease(note)
      noted &+= lent
      byteCount &+= lent &* buffers[index].byteCount
      index &+= 1
    }
    return (index, noted, byteCount)
  }
}

extension ForkBranches {
  /// After this number of turns of the fork, the loop of a branch without apparent work is turned anyway.
  @inlinable
  static var mostSkips: Int { 16 }
}
