/// Who owns each byte, as seen from a place between two stages: everything that was handed down and did not come up is
/// below, everything else above.
///
/// Of the contract's four sets a place sees these two: whether a byte that was handed down is still in flight, or owned by
/// the other side, or in flight back, nothing that passes here tells. It follows that every handoff has one thing to be
/// checked for, before anything changes: all bytes of the buffer are on the side that it comes from. In order are the calls
/// themselves: what was not taken stays at the front, and what comes up is appended.
///
/// A buffer that fails goes no further: the owner of its bytes keeps it, and the forged one is discarded. One
/// of which only the valid part or the marks are wrong goes on as an empty one.
///
/// Thread-confined; may be sent together with the queue that it belongs to. Nothing is allocated after registration,
/// except to describe a violation.
@safe
@usableFromInline
final class OwnershipLedger {
  /// How many violations are reported; all are counted.
  static let reportLimit = 16

  let stageBelow: String
  private let handler: (@Sendable (OwnershipViolation) -> Void)?
  let regionAccounts = RegionAccounts()
  // SAFETY, for both: thread-confined like the whole, and read or written by single statements that call nothing.
  /// How many buffers have passed.
  @exclusivity(unchecked) var operation: UInt64 = 0
  /// The longest buffer that ever passed; the reach of the history.
  @exclusivity(unchecked) var longestByteCount = 0
  private(set) var withheldCount: UInt64 = 0
  /// Violations by kind.
  private var counts = InlineArray<16, UInt64>(repeating: 0)
  private(set) var violationCount: UInt64 = 0

  /// What the burst held before the call below; `knownCount` of them are defined.
  let before: UnsafeMutablePointer<Descriptor>
  var beforeCount = 0
  /// Which of these belong to no registered region, bit 0 for the first.
  var unknown: UInt32 = 0

  /// - Parameters:
  ///   - stageBelow: the name of what is below, for reports.
  ///   - handler: is told of the first violations.
  @usableFromInline
  init(stageBelow: String, handler: (@Sendable (OwnershipViolation) -> Void)?) {
    self.stageBelow = stageBelow
    self.handler = handler
    unsafe before = UnsafeMutablePointer<Descriptor>.allocate(capacity: Burst.capacity)
    unsafe before.initialize(repeating: Descriptor(region: .none, offset: 0, byteCount: 0), count: Burst.capacity)
  }

  deinit { unsafe before.deallocate() }

  func count(of kind: OwnershipViolation.Kind) -> UInt64 { counts[Int(kind.rawValue)] }

  /// Opens an account for a region whose bytes are all above. It counts once it is entered.
  ///
  /// - Throws: `refused` if memory is not available.
  func openAccount(of region: borrowing Region) throws(QueueError) -> RegionAccount {
    let farSide = try FarSide(of: region.control, namesBytes: true)
    guard
      let account = RegionAccount(id: region.id, byteCount: region.byteCount, isAdopted: false, farSide: farSide)
    else {
      farSide.close(awayByteCount: 0)
      throw QueueError(.refused, context: "no memory for the ledger of \(region.id)")
    }
    return account
  }

  /// The stage below has registered the account's region.
  func enter(_ account: RegionAccount) { regionAccounts.insert(account) }

  /// Closes the account of a region that the stage below has let go. No byte may be below.
  @usableFromInline
  func deregister(_ region: borrowing Region) {
    guard let account = unsafe regionAccounts.find(region.id) else { return }
    _ = unsafe account.pointee.settleReturned()
    let awayByteCount = unsafe account.pointee.map.belowByteCount
    if awayByteCount > 0 { violate(.earlyDeregister, .deregister, nil, byteCount: awayByteCount) }
    regionAccounts.remove(region.id)
  }

  /// Compares the account with what the stage below says that it holds. Exact between two calls.
  ///
  /// Regions of the other side that never came up are all below, and the ledger has not heard of them.
  @usableFromInline
  func settle(_ accounts: BufferAccounts) {
    // Those that the other side has deregistered meanwhile are not in its accounts any more.
    regionAccounts.removeReturnedAdoptions()
    let held = accounts.inFlightByteCount + accounts.atPeerByteCount
    let known = regionAccounts.byteCounts
    let unheardOf = max(0, accounts.registeredByteCount - known.registered)
    let difference = held - known.below - unheardOf
    // Said once, however often the report is asked for.
    if difference < 0, count(of: .lost) == 0 { violate(.lost, .accounts, nil, byteCount: -difference) }
    if difference > 0, count(of: .surplus) == 0 { violate(.surplus, .accounts, nil, byteCount: difference) }
  }

  /// Counts a violation, and reports it if not too many were.
  @inline(never)
  func violate(_ kind: OwnershipViolation.Kind, _ call: OwnershipCall, _ buffer: Descriptor?, byteCount: Int = 0) {
    counts[Int(kind.rawValue)] += 1
    violationCount += 1
    guard violationCount <= Self.reportLimit, let handler else { return }
    handler(
      OwnershipViolation(
        kind: kind, call: call, stageBelow: stageBelow, buffer: buffer, byteCount: byteCount, time: .now,
        operation: unsafe operation, history: buffer.map(history) ?? [],
        isLastReported: violationCount == Self.reportLimit))
  }

  /// The last events of a buffer's bytes.
  func history(of buffer: Descriptor) -> [OwnershipEvent] {
    guard let account = unsafe regionAccounts.find(buffer.region) else { return [] }
    let size = unsafe account.pointee.byteCount
    let start = Int(clamping: buffer.offset)
    guard start < size, buffer.byteCount > 0 else { return [] }
    let end = min(size, start + Int(buffer.byteCount))
    return unsafe account.pointee.history.events(of: start..<end, reach: unsafe longestByteCount)
  }

  /// Notes that buffers were taken out of circulation.
  func noteWithheld(_ count: Int) { withheldCount += UInt64(count) }

  /// The stage's counters.
  @usableFromInline
  func addCounts(to report: inout StageReport) {
    report.counters.append(StageReport.Count("checked-buffers", unsafe operation))
    report.counters.append(StageReport.Count("violations", violationCount))
    for kind in OwnershipViolation.Kind.allCases where count(of: kind) > 0 {
      report.counters.append(StageReport.Count(kind.name, count(of: kind)))
    }
    if withheldCount > 0 { report.drops.append(StageReport.Count("withheld", withheldCount)) }
  }
}
