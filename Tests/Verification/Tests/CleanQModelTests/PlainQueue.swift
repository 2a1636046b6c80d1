import CleanQ
import TestSupport

/// What a ``PlainQueue`` can be made to do wrong.
enum Defect: CaseIterable, Sendable {
  case holdsOneFewer
  case holdsOneMore
  case newestFirst
  case losesWhatItRefuses
  case takesPartOfARun
  case takesUnknownRegions
  case forgetsFlags
  case forgetsValidPart
  case burstBackwards
  case deregistersWithBytesAtPeer
  case deregistersForAnyone
  case countsTakenBuffersAsOwned
  case sleepsOverArrivals
  case losesWakeUps
  case takesAfterClose
  case losesWhatIsInFlight
  case forgetsWhatThePeerEnds
  case takesRetiredRegions
  case leavesTheSleeperAsleep
}

/// The contract by two arrays of buffers: a third queue to test, and one that can be broken in the ways that real ones are.
struct PlainQueue: TestedQueue, ~Copyable {
  /// What both ends share.
  final class Core {
    var table = RegionTable()
    let capacity: Int
    let defect: Defect?
    /// What each end sent and the other has not taken.
    var lanes: [[Box<Buffer>]] = [[], []]
    /// Who registered each region, and its size.
    var owners: [RegionID: (end: Int, byteCount: Int, farSide: FarSide)] = [:]
    /// Per region, what its registrar's peer has: buffers that got its note, less those that lost it.
    var atPeer: [RegionID: (bytes: Int, buffers: Int)] = [:]
    var isClosed = false
    var isArmed = [false, false]
    var isCalled = [false, false]

    init(capacity: Int, defect: Defect?) {
      self.capacity = capacity + (defect == .holdsOneMore ? 1 : 0) - (defect == .holdsOneFewer ? 1 : 0)
      self.defect = defect
    }

    deinit {
      for box in lanes.joined() where defect != .losesWhatIsInFlight {
        box.take().release()
      }
      for (id, owner) in owners { owner.farSide.close(awayByteCount: away(id).bytes) }
    }

    /// What the registrar's peer has of a region.
    func away(_ id: RegionID) -> (bytes: Int, buffers: Int) {
      let taken = atPeer[id] ?? (0, 0)
      guard let change = owners[id]?.farSide.change, defect != .forgetsWhatThePeerEnds else { return taken }
      return (taken.bytes + change.byteCount, taken.buffers + change.bufferCount)
    }

    /// Notes on a buffer that `end` gives that it is not away any more, and on one that it takes that it is, if it is.
    func note(_ buffer: inout Buffer, takenBy end: Int?) {
      guard let owner = owners[buffer.region], end != owner.end else { return }
      guard owner.farSide.note(&buffer, isAway: end != nil), defect != .countsTakenBuffersAsOwned else { return }
      let old = atPeer[buffer.region] ?? (0, 0)
      let sign = end == nil ? -1 : 1
      atPeer[buffer.region] = (old.bytes + sign * buffer.byteCount, old.buffers + sign)
    }
  }

  let core: Core
  let end: Int

  static func pair(capacity: Int, defect: Defect?) -> Ends<PlainQueue> {
    let core = Core(capacity: capacity, defect: defect)
    return Ends(PlainQueue(core: core, end: 0), PlainQueue(core: core, end: 1))
  }

  private init(core: Core, end: Int) {
    self.core = core
    self.end = end
  }

  deinit {
    core.isClosed = true
    if core.isArmed[1 - end], core.defect != .leavesTheSleeperAsleep { core.isCalled[1 - end] = true }
  }

  mutating func register(_ region: borrowing Region) throws(QueueError) {
    try core.table.insert(region)
    core.owners[region.id] = (end, region.byteCount, try FarSide(of: region))
    core.atPeer[region.id] = (0, 0)
  }

  mutating func deregister(_ region: borrowing Region) throws(QueueError) {
    let id = region.id
    guard let owner = core.owners[id] else { throw QueueError(.notRegistered) }
    guard owner.end == end || core.defect == .deregistersForAnyone else { throw QueueError(.notOwner) }
    var elsewhere = 0
    for box in core.lanes.joined() {
      if let name = box.value?.name, name.region == id { elsewhere += Int(name.byteCount) }
    }
    if core.defect != .deregistersWithBytesAtPeer { elsewhere += core.away(id).bytes }
    guard elsewhere == 0 else { throw QueueError(.elsewhere(byteCount: elsewhere)) }
    if core.defect == .takesRetiredRegions { core.table.undoInsert(id) } else { try core.table.remove(id) }
    owner.farSide.close(awayByteCount: core.away(id).bytes)
    core.owners[id] = nil
    core.atPeer[id] = nil
  }

  func accounts() -> BufferAccounts {
    var accounts = BufferAccounts()
    for box in core.lanes.joined() {
      accounts.inFlightByteCount += box.value?.byteCount ?? 0
      accounts.inFlightBufferCount += 1
    }
    for (id, owner) in core.owners {
      accounts.registeredByteCount += owner.byteCount
      let taken = core.away(id)
      if owner.end == end {
        accounts.atPeerByteCount += taken.bytes
        accounts.atPeerBufferCount += taken.buffers
      } else {
        var inFlight = 0
        for box in core.lanes.joined() {
          if let name = box.value?.name, name.region == id { inFlight += Int(name.byteCount) }
        }
        accounts.atPeerByteCount += owner.byteCount - inFlight - taken.bytes
      }
    }
    return accounts
  }
}

extension PlainQueue {
  /// Why a run of names is refused.
  private func refusal(_ run: [Descriptor]) -> Refusal? {
    let isWhole = run.last?.flags.contains(.last) == true && run.count <= core.capacity
    if core.isClosed, core.defect != .takesAfterClose { return .closed }
    if core.defect != .takesUnknownRegions, run.contains(where: { !core.table.contains($0.region) }) {
      return .unknownRegion
    }
    if !isWhole, core.defect != .takesPartOfARun { return .incompleteChain }
    return run.count > core.capacity - core.lanes[end].count ? .full : nil
  }

  private func send(_ buffer: consuming Buffer) {
    core.note(&buffer, takenBy: nil)
    if core.defect == .forgetsFlags { buffer.flags = .last }
    if core.defect == .forgetsValidPart { _ = buffer.setValid(offset: 0, byteCount: 0) }
    core.lanes[end].append(Box(buffer))
  }

  mutating func enqueue(_ buffer: consuming Buffer) -> Refused<Buffer, Refusal>? {
    guard let refusal = refusal([buffer.name]) else {
      send(buffer)
      return nil
    }
    guard core.defect == .losesWhatItRefuses else { return Refused(buffer, refusal) }
    buffer.release()
    return nil
  }

  mutating func enqueue(_ burst: inout Burst) -> Refusal? {
    while !burst.isEmpty {
      var run = [burst[0].name]
      if core.defect != .takesPartOfARun {
        while run.last?.flags.contains(.last) == false, run.count < burst.count { run.append(burst[run.count].name) }
      }
      if let refusal = refusal(run) { return refusal }
      for _ in run { if let buffer = burst.popFirst() { send(buffer) } }
    }
    return nil
  }

  mutating func dequeue() -> Buffer? {
    guard !core.lanes[1 - end].isEmpty else { return nil }
    let last = core.lanes[1 - end].count - 1
    var buffer = core.lanes[1 - end].remove(at: core.defect == .newestFirst ? last : 0).take()
    core.note(&buffer, takenBy: end)
    return buffer
  }

  mutating func dequeue(into burst: inout Burst) {
    if core.defect == .burstBackwards { core.lanes[1 - end].reverse() }
    while burst.room > 0, let buffer = dequeue() { burst.append(buffer) }
  }

  mutating func notify() {
    guard core.isArmed[1 - end], !core.lanes[end].isEmpty, core.defect != .losesWakeUps else { return }
    core.isCalled[1 - end] = true
  }

  mutating func fallAsleep() -> Bool {
    core.isArmed[end] = core.lanes[1 - end].isEmpty && !core.isClosed || core.defect == .sleepsOverArrivals
    return core.isArmed[end]
  }

  mutating func wake() {
    core.isArmed[end] = false
    core.isCalled[end] = false
  }

  var isCalled: Bool { core.isCalled[end] }
}

/// A plain queue against the model.
func plainHarness(capacity: Int, defect: Defect?, modelCapacity: Int? = nil) -> Harness<PlainQueue> {
  Harness(
    name: "PlainQueue of \(capacity)" + (defect.map { " that \($0)" } ?? ""),
    start: ModelWorld(model: .init(capacity: modelCapacity ?? capacity)), agents: [.x, .y]
  ) { PlainQueue.pair(capacity: capacity, defect: defect) }
}
