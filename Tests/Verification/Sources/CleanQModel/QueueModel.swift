/// The contract of Contract.md, executable: slow, obvious, and the judge of every queue.
///
/// Two agents, X and Y, pass buffers to each other. The state is what the contract speaks of and nothing else: four sets
/// of bytes, two sequences of descriptors, the regions. There are no cursors, slots or caches. Each operation first
/// collects *every* objection that the contract has; with none it makes the change, with any it changes nothing. Where
/// several objections hold at once, a queue may name any one of them: the contract does not rank them.
///
/// A value: copy it to keep a state, compare it to see whether anything changed.
public struct QueueModel: Hashable, Sendable {
  /// How a queue treats what X enqueues.
  public enum Shape: Hashable, Sendable {
    /// Y is an agent of its own and takes it.
    case twoEnded
    /// Y hands everything back at once, so it goes straight to T_YX.
    case loopback
  }

  /// One byte of memory, by address. A region is a run of addresses.
  public typealias Byte = Int

  public let shape: Shape
  /// How many buffers each direction holds.
  public let capacity: Int

  /// S_X and S_Y: the bytes of registered regions that each agent owns.
  public internal(set) var owned: [Agent: Set<Byte>] = [.x: [], .y: []]
  /// T_XY and T_YX as sets: the bytes that each agent handed over and the other has not yet taken. Keyed by the sender.
  public internal(set) var transit: [Agent: Set<Byte>] = [.x: [], .y: []]
  /// T_XY and T_YX as sequences of descriptors, the oldest first. Keyed by the sender.
  public internal(set) var sequence: [Agent: [Buffer]] = [.x: [], .y: []]

  /// The buffers that each agent has cut out of its bytes, or taken, in that order. Bytes of an agent that are in no
  /// buffer are uncut.
  public internal(set) var hand: [Agent: [Buffer]] = [.x: [], .y: []]
  /// The regions that exist, registered or not.
  public internal(set) var regions: [Region] = []
  /// Regions that were deregistered: dead for this queue.
  public internal(set) var retired: Set<RegionID> = []
  /// How many regions each slot of the directory has seen: the next one's generation is one more.
  public internal(set) var generations: [Int: Int] = [:]
  /// The agents that have not closed their end.
  public internal(set) var isOpen: [Agent: Bool] = [.x: true, .y: true]
  /// Sleep and wake-up, see ``fallAsleep(_:)``.
  public internal(set) var attention: [Agent: Attention] = [.x: .awake, .y: .awake]

  /// - Parameter capacity: n of I4, for each direction.
  public init(capacity: Int, shape: Shape = .twoEnded) {
    self.capacity = capacity
    self.shape = shape
  }
}

/// The two sides of a queue. They are alike.
public enum Agent: Hashable, Sendable, CaseIterable {
  case x
  case y

  /// The one at the other end.
  public var other: Agent { self == .x ? .y : .x }
}

extension QueueModel {
  /// The name of a region: a slot, and how many regions the slot has had. Compared whole, and never given twice.
  public struct RegionID: Hashable, Sendable {
    public let slot: Int
    public let generation: Int

    public init(slot: Int, generation: Int) {
      self.slot = slot
      self.generation = generation
    }
  }

  /// A run of memory.
  public struct Region: Hashable, Sendable {
    public let id: RegionID
    /// Who made it, and so owns the bytes that no buffer names.
    public let keeper: Agent
    public let firstByte: Byte
    public let byteCount: Int
    /// Who registered it with the queue, or nil.
    public internal(set) var registrar: Agent?

    /// Its bytes, one by one.
    public var bytes: Set<Byte> { Set(firstByte..<(firstByte + byteCount)) }
  }

  /// A descriptor. Any numbers whatever: it says nothing before ``QueueModel/fault(of:)`` has.
  public struct Buffer: Hashable, Sendable {
    public var region: RegionID
    public var offset: UInt64
    public var byteCount: UInt64
    /// Counted from the buffer's first byte.
    public var validOffset: UInt64 = 0
    public var validByteCount: UInt64 = 0
    /// Ends its run.
    public var isLast = true
    /// A mark that means nothing to a queue, and travels.
    public var isMarked = false

    public init(region: RegionID, offset: UInt64, byteCount: UInt64) {
      self.region = region
      self.offset = offset
      self.byteCount = byteCount
    }
  }

  /// Whether an agent looks at the queue by itself.
  public enum Attention: Hashable, Sendable {
    case awake
    /// Sleeps until it is called.
    case asleep
    /// Was asleep when the other agent announced something.
    case called
  }
}
