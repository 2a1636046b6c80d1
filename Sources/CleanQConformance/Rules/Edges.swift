internal import CleanQ

// Full, empty, and in order: I3 and I4.

extension Bench where Peer: ~Copyable {
  mutating func runFirstBuffer() throws(Stop) {
    try dequeueOne()
    try require(.capacity, try dequeueBurst() == 0, "a fresh queue has something to take")
    try supply(2 + traits.heldBackBufferCount)
    for _ in 0...traits.heldBackBufferCount {
      let refusal = try enqueueOne()
      try require(.setUp, refusal == nil, "a fresh queue takes no buffer: \(refusal.map { "\($0)" } ?? "")")
    }
    try drain()
    try require(.order, ledger.awayCount <= traits.heldBackBufferCount, "the buffer has not come back")
  }

  /// Fills the queue with singles.
  ///
  /// - Returns: how many it took.
  private mutating func fillUp() throws(Stop) -> Int {
    for count in 0..<4096 {
      try supply(1)
      // Several lengths, none of them a multiple of another.
      guard let refusal = try enqueueOne() else { continue }
      try require(.handBack, refusal == .full, "a full queue refuses as \(refusal)")
      return count
    }
    throw journal.fail(.capacity, "the queue took 4096 buffers and is not full")
  }

  mutating func runFullAndEmpty() throws(Stop) {
    var counts: [Int] = []
    for lap in 0..<4 {
      // Each lap starts at another position of a ring, so that the wrap is met at each.
      for _ in 0..<lap {
        try supply(1)
        try enqueueOne()
        try drain()
      }
      counts.append(try fillUp())
      if isExact, traits.capacity == nil { capacity = counts[0] }
      try freeOneAndFillIt()
      try drain()
      try require(.capacity, try dequeueOne() == false, "everything was taken, and there is more")
    }
    try require(.capacity, counts.allSatisfy { $0 > 0 }, "empty, the queue took \(counts) buffers in turn")
    guard isExact else { return skip(.capacity, "what is inside takes and gives by itself") }
    let expected = capacity ?? counts[0]
    try require(
      .capacity, counts.allSatisfy { $0 == expected }, "\(expected) buffers fit, but it took \(counts) in turn")
  }

  /// A full queue from which one was taken takes one more, and no second.
  private mutating func freeOneAndFillIt() throws(Stop) {
    guard isExact else { return }
    if Peer.kind == .builtIn { try dequeueOne() } else { try peerTake(1) }
    try supply(2)
    try require(.capacity, try enqueueOne() == nil, "one slot was freed, and it takes nothing")
    try require(.capacity, try enqueueOne() == .full, "one slot was freed, and it takes two")
  }

  mutating func runFullBursts() throws(Stop) {
    for lap in 0..<3 {
      try supply(Burst.capacity)
      try enqueueBurst(1 + lap * 3)
      try drain()
      for round in 0..<4096 {
        try supply(Burst.capacity)
        if try enqueueBurst(round == 0 ? 3 : Burst.capacity) != nil { break }
      }
      try drain()
      try require(.capacity, try dequeueBurst() == 0, "everything was taken, and there is more")
    }
  }

  /// The other side fills the way back; what does not fit stays there.
  mutating func runFullWayBack() throws(Stop) {
    guard isExact, Peer.kind != .builtIn else { return }
    guard let capacity else { return skip(.capacity, "is not stated") }
    for _ in 0..<3 {
      try supply(capacity)
      for _ in 0..<capacity { try enqueueOne() }
      try peerTake(.max)
      try peerGive(.max)
      try require(
        .capacity, ledger.inward.count == capacity, "the way back took \(ledger.inward.count), not \(capacity)")
      try supply(1)
      try enqueueOne()
      try peerTake(1)
      try peerGive(1)
      try require(.capacity, ledger.inward.count == capacity, "the full way back took one more")
      try drain()
    }
  }

  /// Buffers of all shapes arrive as they were sent.
  mutating func runShapes() throws(Stop) {
    guard !traits.rewrites else { return skip(.integrity, "the layer changes what it carries") }
    let lengths = [1, 2, 63, 64, 65, 127, 500, 1000, 1, 9]
    for isBurst in [false, true] {
      for (index, length) in lengths.enumerated() {
        guard var buffer = region.buffer(byteCount: length, alignment: index % 3 == 0 ? 1 : 64) else { continue }
        let valid = [0, length, length / 2, length - 1][index % 4]
        _ = buffer.setValid(offset: (length - valid) / (1 + index % 2), byteCount: valid)
        if index % 2 == 1 { buffer.flags = [.last, .reply] }
        hand.prepend(buffer)
        if !isBurst {
          try enqueueOne()
          try drain()
        }
      }
      if isBurst {
        try enqueueBurst(lengths.count)
        try drain()
      }
    }
  }
}
