internal import CleanQ

extension Bench where Peer: ~Copyable {
  /// The whole suite, simplest first.
  static var procedures: [Procedure<Peer>] {
    [
      Procedure(name: "first buffer") { (bench: inout Bench) throws(Stop) in try bench.runFirstBuffer() },
      Procedure(name: "full and empty") { (bench: inout Bench) throws(Stop) in try bench.runFullAndEmpty() },
      Procedure(name: "full and empty, in bursts") { (bench: inout Bench) throws(Stop) in try bench.runFullBursts() },
      Procedure(name: "full way back") { (bench: inout Bench) throws(Stop) in try bench.runFullWayBack() },
      Procedure(name: "shapes") { (bench: inout Bench) throws(Stop) in try bench.runShapes() },
      Procedure(name: "register") { (bench: inout Bench) throws(Stop) in try bench.runRegister() },
      Procedure(name: "register on the other side") { (bench: inout Bench) throws(Stop) in try bench.runOwner() },
      Procedure(name: "deregister") { (bench: inout Bench) throws(Stop) in try bench.runDeregister() },
      Procedure(name: "strangers") { (bench: inout Bench) throws(Stop) in try bench.runStrangers() },
      Procedure(name: "generations") { (bench: inout Bench) throws(Stop) in try bench.runGenerations() },
      Procedure(name: "bounds") { (bench: inout Bench) throws(Stop) in try bench.runBounds() },
      Procedure(name: "huge region") { (bench: inout Bench) throws(Stop) in try bench.runHugeRegion() },
      Procedure(name: "split and merge") { (bench: inout Bench) throws(Stop) in try bench.runSplitMerge() },
      Procedure(name: "far side") { (bench: inout Bench) throws(Stop) in try bench.runFarSide() },
      Procedure(name: "past the queue") { (bench: inout Bench) throws(Stop) in try bench.runPastTheQueue() },
      Procedure(name: "runs") { (bench: inout Bench) throws(Stop) in try bench.runRuns() },
      Procedure(name: "bursts and singles") { (bench: inout Bench) throws(Stop) in try bench.runBurstsAndSingles() },
      Procedure(name: "notify") { (bench: inout Bench) throws(Stop) in try bench.runNotify() },
      Procedure(name: "sleep", isRandom: true) { (bench: inout Bench) throws(Stop) in try bench.runSleep() },
      Procedure(name: "the other side goes") { (bench: inout Bench) throws(Stop) in try bench.runPeerGone() },
      Procedure(name: "the other side goes while this one sleeps") { (bench: inout Bench) throws(Stop) in
        try bench.runPeerGoneAsleep()
      },
      Procedure(name: "destroy in use") { (bench: inout Bench) throws(Stop) in try bench.runDestroy() },
      Procedure(name: "hostile peer", isRandom: true) { (bench: inout Bench) throws(Stop) in try bench.runHostile() },
      Procedure(name: "random walk", isRandom: true) { (bench: inout Bench) throws(Stop) in try bench.runWalk() },
    ]
  }

  func skip(_ rule: Rule, _ reason: String) { journal.skip(rule, reason) }
}
