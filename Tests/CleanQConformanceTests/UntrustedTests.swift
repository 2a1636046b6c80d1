import CleanQ
import CleanQConformance
import Testing

/// The device of an ``UntrustedQueue``, turned hostile.
struct UntrustedPeer: HostilePeer, ~Copyable {
  private var last: Int?

  mutating func work(_ count: Int, for subject: inout UntrustedQueue) {
    let memory = subject.memory
    for _ in 0..<min(count, memory.available.count) {
      let id = memory.available.removeFirst()
      memory.used.append(.init(id: id, byteCount: 10))
      last = id
    }
  }

  mutating func act(_ act: HostileAct, choice: UInt64, on subject: inout UntrustedQueue) -> HostileOutcome {
    let memory = subject.memory
    switch act {
    case .handBackTwice:
      guard let last, !memory.available.contains(last) else { return .impossible }
      memory.used.append(.init(id: last, byteCount: 10))
    case .nameNothing: memory.used.append(.init(id: UntrustedQueue.slotCount + Int(choice % 1000), byteCount: 10))
    case .nameUnlent:
      guard let id = subject.lent.firstIndex(where: { $0 == nil }) else { return .impossible }
      memory.used.append(.init(id: id, byteCount: 10))
    case .overstateLength:
      guard !memory.available.isEmpty else { return .impossible }
      let id = memory.available.removeFirst()
      memory.used.append(.init(id: id, byteCount: 1 << 20))
    case .jump: return .impossible
    case .flood: for index in 0..<500 { memory.used.append(.init(id: 1000 + index, byteCount: 1)) }
    case .scribble:
      guard !memory.used.isEmpty else { return .impossible }
      memory.used[Int(choice & 0xFFFF) % memory.used.count].id = Int(choice >> 32 & 0x7F)
      return .done
    }
    return .noticeable
  }

  mutating func interfere(with subject: inout UntrustedQueue, seed: UInt64, during body: (inout UntrustedQueue) -> Void)
  {
    subject.memory.random = seed
    subject.memory.changesAfterRead = true
    body(&subject)
    subject.memory.changesAfterRead = false
  }

  func noticedCount(by subject: borrowing UntrustedQueue) -> UInt64 { subject.lieCount }

  mutating func vanish(from subject: inout UntrustedQueue) { subject.memory.isGone = true }
}

/// The hostile part of the suite is itself under test: a queue with all its defences passes, one that lacks any fails.
@Suite("Conformance: hostile peer, and mutants", .serialized) struct UntrustedTests {
  private func check(_ fault: UntrustedFault?) -> ConformanceReport {
    Conformance.check(hostile: "untrusted") { HostilePairing(UntrustedQueue(fault), UntrustedPeer()) }
  }

  @Test("with all defences it passes")
  func correct() {
    let report = check(nil)
    #expect(report.isConforming, "\(report)")
    #expect(report.passedRules == [.hostilePeer])
  }

  @Test("without any one of them it fails", arguments: UntrustedFault.allCases)
  func fault(_ fault: UntrustedFault) {
    let report = check(fault)
    #expect(report[.hostilePeer] == .failed, "\(fault)\n\(report)")
  }
}
