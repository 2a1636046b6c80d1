internal import CleanQ
internal import CleanQWire

/// What is known of a neighbour on the link.
struct Neighbor: BitwiseCopyable, Sendable {
  enum State: UInt8, BitwiseCopyable, Sendable {
    /// The entry is not used.
    case free
    /// Asked for; packets may wait.
    case asking
    /// The Ethernet address is known. With `tryCount` above 0 it is old and asked for again while it is still used.
    case known
    /// Nobody answered; packets that waited are still to be dropped.
    case failed
  }

  var address = IPv4Address.unspecified
  var mac = MACAddress.zero
  var state = State.free
  /// Questions since the last answer.
  var tryCount: UInt8 = 0
  /// Packets that wait.
  var queuedCount: UInt8 = 0
  /// `asked` is to be set at the next tick: the clock is not read when a question is sent.
  var isAskUnstamped = false
  /// There was a question, at `asked`.
  var wasAsked = false
  var asked = MonotonicTime(nanoseconds: 0)
  var confirmed = MonotonicTime(nanoseconds: 0)
  var used = MonotonicTime(nanoseconds: 0)
}

/// Which Ethernet address a neighbour has: 64 sets of 4 entries, all allocated at the start.
///
/// Source: RFC 826; RFC 1122 § 2.3.2.
struct ARPCache: Sendable {
  static let setCount = 64
  static let wayCount = 4
  /// How long an answer is believed without asking again. RFC 1122 § 2.3.2.1 (1).
  static let freshMilliseconds: UInt64 = 60_000
  /// The least time between two questions to one address. RFC 1122 § 2.3.2.1.
  static let askMilliseconds: UInt64 = 1_000
  static let maximumTryCount: UInt8 = 3
  /// RFC 1122 § 2.3.2.2 asks for at least one packet to be kept.
  static let maximumQueuedCount: UInt8 = 4

  /// The neighbour of the last packet, while nothing has changed since: not its entry, no other, and not the time.
  private(set) var recent: RecentNeighbor?
  private var entries = [Neighbor](repeating: Neighbor(), count: setCount * wayCount)

  subscript(index: Int) -> Neighbor {
    get { entries[index] }
    _modify {
      recent = nil
      yield &entries[index]
    }
  }

  /// Notes that packets to this neighbour need neither a question nor a look at its entry until something changes.
  mutating func noteRecent(_ neighbor: RecentNeighbor) { recent = neighbor }

  /// Time has passed.
  mutating func forgetRecent() { recent = nil }

  /// All entries, used or not.
  var indices: Range<Int> { 0..<(Self.setCount * Self.wayCount) }

  /// How many entries are used.
  var usedCount: Int { entries.count { $0.state != .free } }

  /// The four entries where an address can be.
  private static func ways(of address: IPv4Address) -> Range<Int> {
    let number = address.rawValue
    let set = Int(truncatingIfNeeded: (number ^ number >> 6 ^ number >> 12) & UInt32(setCount - 1))
    return (set * wayCount)..<(set * wayCount + wayCount)
  }

  /// The entry of an address.
  ///
  /// - Complexity: O(1), four comparisons.
  func index(of address: IPv4Address) -> Int? {
    for index in Self.ways(of: address) where entries[index].address == address && entries[index].state != .free {
      return index
    }
    return nil
  }

  /// Makes an entry, in the place of the least recently used one that nothing hangs on.
  ///
  /// An entry for which a question was sent in the last second stays, so that no address is asked for more often.
  ///
  /// - Returns: its index, or nil where all four places are taken.
  mutating func insert(_ address: IPv4Address, at now: MonotonicTime) -> Int? {
    var victim: Int?
    for index in Self.ways(of: address) {
      let entry = entries[index]
      if entry.state == .free {
        victim = index
        break
      }
      guard entry.state == .known, !isAskRecent(entry, at: now) else { continue }
      if let best = victim, entries[best].used <= entry.used { continue }
      victim = index
    }
    guard let victim else { return nil }
    recent = nil
    entries[victim] = Neighbor()
    entries[victim].address = address
    entries[victim].used = now
    return victim
  }

  /// Whether a question was sent less than a second ago.
  func isAskRecent(_ entry: Neighbor, at now: MonotonicTime) -> Bool {
    entry.isAskUnstamped || (entry.wasAsked && !Self.hasPassed(Self.askMilliseconds, since: entry.asked, at: now))
  }

  /// Whether so many milliseconds lie between two times.
  static func hasPassed(_ milliseconds: UInt64, since start: MonotonicTime, at now: MonotonicTime) -> Bool {
    now.nanoseconds >= start.nanoseconds && now.nanoseconds &- start.nanoseconds >= milliseconds &* 1_000_000
  }
}
