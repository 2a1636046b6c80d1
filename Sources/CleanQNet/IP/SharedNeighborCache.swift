internal import CleanQWire
internal import Synchronization

/// What the instances of a pipeline tell each other about neighbours.
///
/// A device that spreads flows over its queue pairs (RSS) gives all ARP to one of them, so the answer to one instance's question
/// reaches another copy. Each instance says here what it asks for; whichever hears the answer puts it here; the others find it
/// when they next look. A lock, but taken at the rate of ARP, never for a packet to a known neighbour.
public final class SharedNeighborCache: Sendable {
  /// Addresses that are remembered; when one more is asked for all are forgotten, and asked for again in a second.
  static let maximumCount = 1024

  /// What was asked for since, with the answer; zero until there is one.
  private let entries = Mutex<[IPv4Address: MACAddress]>([:])
  private let version = Atomic<UInt64>(0)

  public init() {}

  /// How many answers there were: where it has not changed there is nothing to look for.
  var answerCount: UInt64 { version.load(ordering: .acquiring) }

  /// A question is sent. An answer to one before does not count any more.
  func ask(_ address: IPv4Address) {
    entries.withLock { entries in
      if entries.count >= Self.maximumCount { entries.removeAll(keepingCapacity: true) }
      entries[address] = .zero
    }
  }

  /// A neighbour said where it is.
  ///
  /// - Returns: whether a copy asked for it.
  func answer(_ address: IPv4Address, _ mac: MACAddress) -> Bool {
    let isAwaited = entries.withLock { entries in
      guard entries[address] != nil else { return false }
      entries[address] = mac
      return true
    }
    if isAwaited { version.add(1, ordering: .releasing) }
    return isAwaited
  }

  /// The answer to the last question about an address, where there is one.
  func answer(about address: IPv4Address) -> MACAddress? {
    entries.withLock { entries in
      guard let mac = entries[address], mac != .zero else { return nil }
      return mac
    }
  }
}
