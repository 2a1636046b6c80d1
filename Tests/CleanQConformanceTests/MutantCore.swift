@testable import CleanQ

/// What the two ends of a ``MutantQueue`` share: two lists of descriptors and who has registered what. Simple on purpose,
/// for one thread, and correct but for one fault.
final class MutantCore {
  struct Holding {
    var bytes = 0
    var buffers = 0
  }

  let fault: MutantFault?
  let slotCount: Int
  /// What the first end handed over, and what the second did.
  var lanes: [[Descriptor]] = [[], []]
  /// Slots that were not given back, for the mutant that forgets them.
  var lostSlots = [0, 0]
  var owners: [RegionID: (end: Int, byteCount: Int, farSide: FarSide)] = [:]
  var table = RegionTable()
  /// Per end and region: handed over minus taken.
  var balances: [[RegionID: Holding]] = [[:], [:]]
  /// Per region: handed over by the end that did not register it without the note, less by the other one with it.
  var strange: [RegionID: Holding] = [:]
  var isLate: Set<RegionID> = []
  /// Regions that were deregistered and are still taken.
  var dead: Set<RegionID> = []
  var isClosed = false
  /// What was given out and stayed in its lane, for the mutant that delivers twice.
  var copies: Set<Descriptor> = []
  var callCount = 0
  let bells: [Doorbell]
  /// Holds that were taken and forgotten.
  var leakedHolds: [RegionControl] = []

  init(slotCount: Int, _ fault: MutantFault?) throws(QueueError) {
    self.slotCount = slotCount
    self.fault = fault
    bells = [try Doorbell(), try Doorbell()]
  }

  deinit {
    for control in leakedHolds { control.adjustRegistrations(by: -1) }
    for (id, owner) in owners { owner.farSide.close(awayByteCount: max(0, away(id).bytes)) }
    for name in lanes[0] + lanes[1] where !copies.contains(name) {
      guard let buffer = materialise(name) else { continue }
      if fault == .lostAtDestroy { Graveyard.take(buffer) } else { buffer.release() }
    }
  }

  func has(_ fault: MutantFault) -> Bool { self.fault == fault }

  /// True at every `period`-th call.
  func isTurn(_ period: Int) -> Bool {
    callCount += 1
    return callCount.isMultiple(of: period)
  }

  func knows(_ id: RegionID) -> Bool {
    if isLate.contains(id) { return false }
    if has(.missingRegionCheck) { return true }
    if has(.lowBitsOfIDOnly), owners.keys.contains(where: { $0.slot & 1 == id.slot & 1 }) { return true }
    if has(.missingGenerationCheck), owners.keys.contains(where: { $0.slot == id.slot }) { return true }
    return owners[id] != nil || dead.contains(id)
  }

  /// Turns a descriptor that is in a lane into its buffer.
  func materialise(_ name: Descriptor) -> Buffer? {
    guard let control = RegionDirectory.control(of: name.region) else { return nil }
    // SAFETY: the lane owns the bytes; a mutant that lies about that is what the suite is for.
    return unsafe Buffer(base: control.mapping.base, descriptor: name)
  }

  func add(_ end: Int, _ name: Descriptor, _ sign: Int) {
    balances[end][name.region, default: Holding()].bytes += sign * Int(name.byteCount)
    balances[end][name.region, default: Holding()].buffers += sign
  }

  /// Takes the note off a buffer that an end hands over.
  func clearNote(_ end: Int, _ buffer: inout Buffer) {
    guard let owner = owners[buffer.region] else { return }
    let isFar = owner.end != end
    guard owner.farSide.note(&buffer, isAway: false) != isFar, !has(.pastTheQueueForgotten) else { return }
    strange[buffer.region, default: Holding()].bytes += (isFar ? 1 : -1) * buffer.byteCount
    strange[buffer.region, default: Holding()].buffers += isFar ? 1 : -1
  }

  /// What the end that did not register a region has of it.
  func away(_ id: RegionID) -> Holding {
    guard let owner = owners[id] else { return Holding() }
    let taken = balances[1 - owner.end][id] ?? Holding()
    let strange = strange[id] ?? Holding()
    let change = owner.farSide.change
    return Holding(
      bytes: (has(.peerReleaseForgotten) ? 0 : change.byteCount) + strange.bytes - taken.bytes,
      buffers: (has(.peerSplitMiscounted) ? 0 : change.bufferCount) + strange.buffers - taken.buffers)
  }

  func accounts(of end: Int) -> BufferAccounts {
    var accounts = BufferAccounts()
    for (id, owner) in owners {
      let mine = balances[end][id] ?? Holding()
      let theirs = balances[1 - end][id] ?? Holding()
      accounts.registeredByteCount += owner.byteCount
      accounts.inFlightByteCount += mine.bytes + theirs.bytes
      accounts.inFlightBufferCount += mine.buffers + theirs.buffers
      guard !has(.censusForgetsPeer) else { continue }
      let away = away(id)
      let inFlightByteCount = mine.bytes + theirs.bytes
      accounts.atPeerByteCount += owner.end == end ? away.bytes : owner.byteCount - inFlightByteCount - away.bytes
      accounts.atPeerBufferCount += owner.end == end ? away.buffers : 0
    }
    if has(.censusMisplaces) { swap(&accounts.inFlightByteCount, &accounts.atPeerByteCount) }
    if has(.censusCountsBuffersWrong), accounts.inFlightBufferCount > 2 { accounts.inFlightBufferCount -= 1 }
    return accounts
  }
}

/// What mutants lose, so that the process does not lose it: the test brings it home.
enum Graveyard {
  // SAFETY: only the mutants touch it, and their suite is serialized.
  nonisolated(unsafe) private static var more: [Grave] = []

  final class Grave {
    private var buffer: Buffer?
    init(_ buffer: consuming Buffer) { self.buffer = .some(buffer) }
    deinit { buffer.take()?.release() }
  }

  static func take(_ buffer: consuming Buffer) { unsafe more.append(Grave(buffer)) }

  static func clear() { unsafe more.removeAll() }
}
