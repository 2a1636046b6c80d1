/// What one stage says about its traffic.
public struct StageReport: Sendable, Equatable {
  /// Packets and the bytes in them.
  @frozen
  public struct Tally: Sendable, Equatable {
    public var packets: UInt64 = 0
    public var bytes: UInt64 = 0

    @inlinable
    public init() {}

    /// Adds one packet.
    @inlinable
    public mutating func add(byteCount: Int) {
      packets &+= 1
      bytes &+= UInt64(truncatingIfNeeded: byteCount)
    }

    /// Adds another tally.
    @inlinable
    public mutating func add(_ other: Tally) {
      packets &+= other.packets
      bytes &+= other.bytes
    }

    /// Adds some packets.
    @inlinable
    public mutating func add(packetCount: Int, byteCount: Int) {
      packets &+= UInt64(truncatingIfNeeded: packetCount)
      bytes &+= UInt64(truncatingIfNeeded: byteCount)
    }

    /// Adds every packet of a burst.
    ///
    /// - Complexity: O(number of buffers).
    @inlinable
    public mutating func add(_ burst: borrowing Burst) {
      add(packetCount: burst.count, byteCount: burst.validByteCount(from: 0))
    }
  }

  /// A named number.
  public struct Count: Sendable, Equatable {
    public var name: String
    public var value: UInt64

    public init(_ name: String, _ value: UInt64) {
      self.name = name
      self.value = value
    }
  }

  /// The stage's name in pipeline texts.
  public var name: String
  /// What the stage gave to the stage above it.
  public var received = Tally()
  /// What the stage took from the stage above it.
  public var transmitted = Tally()
  /// Packets that ended here, by reason; names in kebab-case. Reasons that never occurred may be absent.
  public var drops: [Count] = []
  /// Other counters of the stage: numbers that only grow.
  public var counters: [Count] = []
  /// What the stage has at the moment, or how it works: numbers that may fall, of which no rate makes sense.
  public var gauges: [Count] = []
  /// Why the stage stopped doing its part before the end, in one line; nil where it did not.
  public var failure: String?

  /// Nil in the report of a stage. In the account of a branch, which says in drops and gauges what a fork lent to the branch,
  /// the number that the fork was given for it.
  public var branch: Int?

  /// Why the stage ended the pipeline though nothing is wrong, in a few words: its file is at the end, its capture complete.
  /// Nil where it did not.
  public var completion: String?

  public init(_ name: String) { self.name = name }

  /// Adds what the same stage did in another instance of the pipeline: traffic and counters, each by its name.
  public mutating func add(_ other: StageReport) {
    received.add(other.received)
    transmitted.add(other.transmitted)
    Self.add(other.drops, to: &drops)
    Self.add(other.counters, to: &counters)
    Self.add(other.gauges, to: &gauges)
    failure = failure ?? other.failure
    completion = completion ?? other.completion
  }

  private static func add(_ counts: [Count], to sums: inout [Count]) {
    for count in counts {
      if let index = sums.firstIndex(where: { $0.name == count.name }) {
        sums[index].value &+= count.value
      } else {
        sums.append(count)
      }
    }
  }
}
