internal import CleanQ

// Runs of several buffers, and bursts against singles.

extension Bench where Peer: ~Copyable {
  /// Marks the first buffers of the hand as runs of these lengths.
  mutating func mark(_ lengths: [Int]) throws(Stop) {
    try supply(lengths.reduce(0, +))
    var index = 0
    for length in lengths {
      for place in 0..<length {
        _ = hand.access(index) { $0.flags = place == length - 1 ? .last : [] }
        index += 1
      }
    }
  }

  mutating func runRuns() throws(Stop) {
    try mark([1, 2, 1])
    try enqueueBurst(4)
    try drain()
    // A beginning without an end, alone and behind whole runs.
    try mark([1])
    _ = hand.access(0) { $0.flags = [] }
    try require(.runs, try enqueueOne() == .incompleteChain, "a single buffer that ends no run was not refused as such")
    try mark([1])
    try mark([2, 3])
    _ = hand.access(4) { $0.flags = [] }
    try require(.runs, try enqueueBurst(5) != nil, "a run without its end was taken")
    try drain()
    if let capacity, isExact {
      try runAtTheEdge(capacity)
      try runTooLong(capacity)
    }
  }

  /// One slot less than the run needs; then exactly enough.
  private mutating func runAtTheEdge(_ capacity: Int) throws(Stop) {
    for length in 2...3 where length < capacity {
      try supply(capacity)
      for _ in 0..<(capacity - length + 1) { try enqueueOne() }
      let before = outwardCount
      try mark([length])
      let refusal = try enqueueBurst(length)
      try require(.runs, refusal == .full && outwardCount == before, "a run of \(length) was cut to fit")
      switch Peer.kind {
      case .driven, .mirrored: try peerTake(1)
      case .builtIn, .device: try dequeueOne()
      }
      try mark([length])
      try require(.runs, try enqueueBurst(length) == nil, "a run of \(length) was refused where it fits exactly")
      try drain()
    }
  }

  /// A run that no empty queue holds is refused for good, not as full.
  private mutating func runTooLong(_ capacity: Int) throws(Stop) {
    guard capacity < Burst.capacity else { return }
    try mark([capacity + 1])
    try require(
      .runs, try enqueueBurst(capacity + 1) == .incompleteChain, "a run longer than the queue is not refused for good")
    try mark([capacity])
    try require(.runs, try enqueueBurst(capacity) == nil, "a run as long as the queue was refused")
    try drain()
  }

  /// A burst of n and n singles leave the same behind, at each filling and each length.
  mutating func runBurstsAndSingles() throws(Stop) {
    guard isExact, let capacity else { return skip(.bursts, "the capacity is not stated") }
    let lengths = Set([1, 2, min(capacity, 31), min(capacity + 1, 32), 32]).sorted()
    for filling in Set([0, 1, capacity / 2, capacity - 1, capacity]).sorted() where filling >= 0 {
      for length in lengths {
        try supply(filling + length)
        for _ in 0..<filling { try enqueueOne() }
        var singles = 0
        for _ in 0..<length { if try enqueueOne() == nil { singles += 1 } }
        try drain()
        try supply(filling + length)
        for _ in 0..<filling { try enqueueOne() }
        let before = outwardCount
        try enqueueBurst(length)
        let taken = outwardCount - before
        try require(.bursts, taken == singles, "of \(length), a burst moves \(taken) and singles move \(singles)")
        try takeInBursts()
        try drain()
      }
    }
  }

  /// Behind buffers that are in the burst already, and one by one in between.
  private mutating func takeInBursts() throws(Stop) {
    try peerTake(.max)
    try peerGive(.max)
    try supply(31)
    try dequeueBurst(occupied: 31)
    try dequeueOne()
    try dequeueBurst(occupied: 32)
    try dequeueBurst(occupied: 3)
  }
}
