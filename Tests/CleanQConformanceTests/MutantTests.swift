import CleanQ
import CleanQConformance
import Testing

/// The suite is itself under test: a correct queue passes, and one with a fault fails under the rule that names it.
@Suite("Conformance: mutants", .serialized) struct MutantTests {
  private func check(_ fault: MutantFault?) -> ConformanceReport {
    let report = Conformance.check("mutant", Traits(capacity: 4), ends: { try MutantQueue.pair(slotCount: 4, fault) })
    Graveyard.clear()
    return report
  }

  @Test("without a fault it passes, and every rule but the hostile peer's was put to the test")
  func correct() {
    let report = check(nil)
    #expect(report.isConforming, "\(report)")
    #expect(Set(report.notApplicable.keys) == [.hostilePeer])
  }

  @Test("each fault fails, under the rule that names it", arguments: MutantFault.allCases)
  func fault(_ fault: MutantFault) {
    let report = check(fault)
    #expect(report.failedRules.contains(fault.rule), "\(fault): failed \(report.failedRules)\n\(report)")
    #expect(report[fault.rule] == .failed)
  }
}
