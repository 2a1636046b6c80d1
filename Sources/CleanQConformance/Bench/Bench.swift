internal import CleanQ

/// A queue, its other side, and what the suite knows about both. Every operation goes through here and is checked against
/// the ledger; each check names the rule that it is for.
struct Bench<Peer: QueuePeer & ~Copyable>: ~Copyable {
  var subject: Peer.Subject
  var peer: Peer
  /// Nil where the queue cannot sleep.
  let sleep: Sleep<Peer.Subject>?
  let journal: Journal
  let traits: Traits
  private(set) var region: Region
  var random: SeededRandom

  var ledger = Ledger()
  /// S_X: what the suite owns.
  var hand = Hand()
  /// What is known of the capacity.
  var capacity: Int?
  var hasPeerLeft = false
  /// Buffers of the region that came home by themselves; none may.
  private var leakedBufferCount: Int

  init(
    _ pairing: consuming Pairing<Peer>, _ sleep: Sleep<Peer.Subject>?, _ journal: Journal, _ traits: Traits,
    region: consuming Region
  ) {
    subject = pairing.subject
    peer = pairing.peer
    self.sleep = sleep
    self.journal = journal
    self.traits = traits
    leakedBufferCount = region.leakedBufferCount
    self.region = region
    random = SeededRandom(state: journal.seed)
    capacity = traits.capacity
  }

  /// Whether the suite sees every step of the other side, so that each result is known exactly.
  var isExact: Bool { Peer.kind != .device && !traits.isElastic }

  /// How many slots of the outward direction are taken.
  var outwardCount: Int {
    switch Peer.kind {
    case .driven, .mirrored: ledger.outward.count
    case .builtIn, .device: ledger.awayCount
    }
  }

  func require(_ rule: Rule, _ holds: Bool, _ message: @autoclosure () -> String) throws(Stop) {
    try journal.require(rule, holds, message())
  }

  /// Registers the bench's region, which a fresh queue must take.
  mutating func registerRegion() throws(Stop) {
    journal.note("register \(region.id)")
    do {
      try subject.register(region)
    } catch {
      throw journal.fail(.register, "a region was refused: \(error)")
    }
    ledger.registeredByteCount += region.byteCount
    try checkRest(.register)
  }

  /// Goes on with a new region: the name of the old one is dead.
  mutating func replaceRegion() throws(Stop) {
    hand.releaseAll()
    guard let next = try? Region(byteCount: region.byteCount, pages: .ordinary) else {
      throw journal.fail(.setUp, "there is no memory for another region")
    }
    region = next
    leakedBufferCount = 0
    try registerRegion()
  }

  /// Makes sure that the suite owns at least this number of buffers of ordinary length.
  mutating func supply(_ count: Int) throws(Stop) {
    while hand.count < count {
      guard let buffer = region.buffer(byteCount: traits.bufferByteCount) else {
        throw journal.fail(
          .setUp, "the queue takes more than \(hand.count + ledger.awayCount) buffers; state its capacity")
      }
      hand.append(buffer)
    }
    for index in 0..<min(count, hand.count) { prepare(index) }
  }

  /// Makes a buffer of the hand one that the queue can carry, with bytes that can be known again.
  mutating func prepare(_ index: Int) {
    let isPlain = !traits.rewrites
    _ = hand.access(index) { buffer in
      buffer.reset()
      guard isPlain, buffer.setValid(offset: 0, byteCount: buffer.byteCount) else { return }
      buffer.writeTag()
    }
    guard var buffer = hand.remove(at: index) else { return }
    peer.prepare(&buffer)
    hand.insert(buffer, at: index)
  }

  /// Brings everything back to the suite.
  mutating func drain() throws(Stop) {
    var idleRounds = 0
    while ledger.awayCount > 0, idleRounds < 8 {
      let before = ledger.awayCount
      subject.notify()
      try peerTake(.max)
      try peerGive(.max)
      peer.notify(&subject)
      for _ in 0...Burst.capacity where ledger.awayCount > 0 { try dequeueBurst() }
      idleRounds = ledger.awayCount < before ? 0 : idleRounds + 1
    }
    let left = ledger.awayCount
    try require(
      .conservation, left <= traits.heldBackBufferCount,
      "\(left) buffers that were handed over never came back, the first of them \(ledger.away.first?.text ?? "")")
  }
}

extension Buffer {
  /// What the suite writes into the first valid bytes: a function of their place in the region.
  private func tag(_ index: Int) -> UInt8 { UInt8(truncatingIfNeeded: 0xC1 &+ 29 &* (offset &+ headroom &+ index)) }

  private var taggedByteCount: Int { min(validByteCount, 8) }

  mutating func writeTag() {
    for index in 0..<taggedByteCount {
      let byte = tag(index)
      var bytes = mutableBytes
      bytes[index] = byte
    }
  }

  var hasTag: Bool {
    for index in 0..<taggedByteCount where bytes[index] != tag(index) { return false }
    return true
  }
}
