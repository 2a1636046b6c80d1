internal import CleanQ

extension HostileBench where Peer: ~Copyable {
  /// One act on a queue that has worked for a while, again and again.
  mutating func runDirected(_ act: HostileAct) throws(Stop) {
    var doneCount = 0
    for round in 0..<8 {
      // The ring full of buffers, some of them correctly used: the peer has the most to forge.
      for _ in 0..<4 { try enqueue(Burst.capacity) }
      peer.work(3 + round, for: &subject)
      for _ in 0..<2 { try dequeue() }
      let before = peer.noticedCount(by: subject)
      journal.note("the other side: \(act.rawValue)")
      let outcome = peer.act(act, choice: random.next(), on: &subject)
      if case .impossible = outcome { continue }
      doneCount += 1
      for _ in 0..<4 { try dequeue() }
      if case .noticeable = outcome {
        try require(peer.noticedCount(by: subject) > before, "an invalid answer was not counted: \(act.rawValue)")
      }
      peer.work(.max, for: &subject)
      for _ in 0..<4 { try dequeue() }
    }
    if doneCount == 0 { journal.skip(.hostilePeer, "nothing like it can be done to this queue: \(act.rawValue)") }
  }

  /// The words change while the queue reads them.
  mutating func runInterference() throws(Stop) {
    for _ in 0..<24 {
      try enqueue(Burst.capacity)
      peer.work(Int(random.next() % 8), for: &subject)
      journal.note("dequeue while shared words change")
      var bursts: [BurstBox] = []
      peer.interfere(with: &subject, seed: random.next()) { subject in
        for _ in 0..<16 {
          let box = BurstBox()
          subject.dequeue(into: &box.burst)
          if box.burst.count > 0 { bursts.append(box) }
        }
      }
      for box in bursts { try accept(&box.burst) }
      try checkRest()
    }
  }

  /// Anything in any order.
  mutating func runWalk() throws(Stop) {
    for _ in 0..<traits.stepCount {
      switch random.next() % 8 {
      case 0, 1: try enqueue(1 + Int(random.next() % UInt64(Burst.capacity)))
      case 2, 3: try dequeue()
      case 4, 5:
        journal.note("the other side works")
        peer.work(Int(random.next() % 12), for: &subject)
      default:
        let act = HostileAct.allCases[Int(random.next() % UInt64(HostileAct.allCases.count))]
        journal.note("the other side: \(act.rawValue)")
        _ = peer.act(act, choice: random.next(), on: &subject)
      }
    }
  }
}

/// One burst on the heap, so that any number of them can stand in an array.
final class BurstBox {
  var burst = Burst()
}
