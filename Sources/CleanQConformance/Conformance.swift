public import CleanQ

/// The contract of ``Queue`` and ``Port``, as a suite that any implementation can be put through.
///
///     let report = Conformance.check("mine", loopback: { try MyQueue(depth: 64) })
///     let report = Conformance.check("mine", ends: { let (a, b) = try connect(); return Ends(a, b) })
///     #expect(report.isConforming, "\(report)")
///
/// Each procedure gets a fresh queue from the closure. Nothing traps: what is wrong is in the report.
public enum Conformance {
  /// A queue that hands back what it is given.
  public static func check<Q: Queue & ~Copyable>(
    _ name: String, _ traits: Traits = Traits(), loopback make: () throws -> Q
  ) -> ConformanceReport {
    run(name, traits, nil) { Pairing(try make(), BuiltInPeer()) }
  }

  /// The two ends of a queue; each is put through the whole suite, the other one being its peer.
  public static func check<A: Queue & ~Copyable, B: Queue & ~Copyable>(
    _ name: String, _ traits: Traits = Traits(), ends make: () throws -> Ends<A, B>
  ) -> ConformanceReport { checkEnds(name, traits, nil, nil, make) }

  /// The two ends of a queue that can sleep.
  public static func check<A: SleepingQueue & ~Copyable, B: SleepingQueue & ~Copyable>(
    _ name: String, _ traits: Traits = Traits(), ends make: () throws -> Ends<A, B>
  ) -> ConformanceReport { checkEnds(name, traits, Sleep(), Sleep(), make) }

  /// A queue with a peer of one's own.
  public static func check<Peer: QueuePeer & ~Copyable>(
    _ name: String, _ traits: Traits = Traits(), pairing make: () throws -> Pairing<Peer>
  ) -> ConformanceReport { run(name, traits, nil, make) }

  /// A queue that can sleep, with a peer of one's own.
  public static func check<Peer: QueuePeer & ~Copyable>(
    _ name: String, _ traits: Traits = Traits(), pairing make: () throws -> Pairing<Peer>
  ) -> ConformanceReport where Peer.Subject: SleepingQueue { run(name, traits, Sleep(), make) }

  /// Takes a buffer whose bytes belong to somebody else, so that it is never brought home.
  public static func quarantine(_ buffer: consuming Buffer) { Quarantine.take(buffer) }

  private static func checkEnds<A: Queue & ~Copyable, B: Queue & ~Copyable>(
    _ name: String, _ traits: Traits, _ sleepOfFirst: Sleep<A>?, _ sleepOfSecond: Sleep<B>?,
    _ make: () throws -> Ends<A, B>
  ) -> ConformanceReport {
    var report = run("\(name), first end", traits, sleepOfFirst) {
      let ends = try make()
      return Pairing(ends.first, OtherEnd<A, B>(ends.second))
    }
    report.add(
      run("\(name), second end", traits, sleepOfSecond) {
        let ends = try make()
        return Pairing(ends.second, OtherEnd<B, A>(ends.first))
      })
    return report
  }

  /// Runs every procedure, each on a fresh queue.
  static func run<Peer: QueuePeer & ~Copyable>(
    _ name: String, _ traits: Traits, _ sleep: Sleep<Peer.Subject>?, _ make: () throws -> Pairing<Peer>
  ) -> ConformanceReport {
    var report = ConformanceReport(name)
    for procedure in Bench<Peer>.procedures {
      for seed in procedure.isRandom ? traits.seeds : [0] {
        let journal = Journal(subject: name, procedure: procedure.name, seed: seed)
        run(procedure, traits, sleep, journal, make)
        report.add(journal)
      }
    }
    return report
  }

  private static func run<Peer: QueuePeer & ~Copyable>(
    _ procedure: Procedure<Peer>, _ traits: Traits, _ sleep: Sleep<Peer.Subject>?, _ journal: Journal,
    _ make: () throws -> Pairing<Peer>
  ) {
    do {
      let region = try Region(byteCount: max(1 << 16, traits.regionByteCount), pages: .ordinary)
      var bench = Bench(try make(), sleep, journal, traits, region: region)
      do {
        try bench.registerRegion()
        try procedure.run(&bench)
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

/// One part of the suite.
struct Procedure<Peer: QueuePeer & ~Copyable> {
  let name: String
  /// Run once per seed.
  var isRandom = false
  let run: (inout Bench<Peer>) throws(Stop) -> Void
}

extension Traits {
  /// Room for more buffers than any queue of the stated capacity takes.
  var regionByteCount: Int { bufferByteCount * (4 * (capacity ?? 256) + 64) }
}
