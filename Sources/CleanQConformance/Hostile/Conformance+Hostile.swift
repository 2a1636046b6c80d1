internal import CleanQ

extension Conformance {
  /// A queue of an untrusted kind, with its other side turned hostile. Asks one rule, ``Rule/hostilePeer``: for anything that the
  /// peer does, nothing traps, only buffers that were lent come out, in bounds, none twice, none lost; invalid answers are
  /// counted, no call does more than a burst's work, and when the peer has gone everything comes home.
  ///
  ///     let report = Conformance.check(hostile: "mine") { HostilePairing(MyQueue(), MyLiar()) }
  public static func check<Peer: HostilePeer & ~Copyable>(
    hostile name: String, _ traits: Traits = Traits(), pairing make: () throws -> HostilePairing<Peer>
  ) -> ConformanceReport {
    var report = ConformanceReport(name)
    for act in HostileAct.allCases {
      let journal = Journal(subject: name, procedure: act.rawValue, seed: 0)
      run(traits, journal, make) { (bench: inout HostileBench<Peer>) throws(Stop) in try bench.runDirected(act) }
      report.add(journal)
    }
    for seed in traits.seeds {
      let journal = Journal(subject: name, procedure: "words that change while they are read", seed: seed)
      run(traits, journal, make) { (bench: inout HostileBench<Peer>) throws(Stop) in try bench.runInterference() }
      report.add(journal)
      let walk = Journal(subject: name, procedure: "random walk with a hostile peer", seed: seed)
      run(traits, walk, make) { (bench: inout HostileBench<Peer>) throws(Stop) in try bench.runWalk() }
      report.add(walk)
    }
    return report
  }

  private static func run<Peer: HostilePeer & ~Copyable>(
    _ traits: Traits, _ journal: Journal, _ make: () throws -> HostilePairing<Peer>,
    _ procedure: (inout HostileBench<Peer>) throws(Stop) -> Void
  ) {
    do {
      let region = try Region(byteCount: max(1 << 16, traits.regionByteCount), pages: .ordinary)
      var bench = HostileBench(try make(), journal, traits, region: region)
      do {
        try bench.registerRegion()
        try procedure(&bench)
        try bench.runEnd()
      } catch {
        bench.abandon()
        return
      }
      try bench.finish()
    } catch is Stop {
      // The journal has it.
    } catch {
      _ = journal.fail(.setUp, "there is no queue to check: \(error)")
    }
  }
}
