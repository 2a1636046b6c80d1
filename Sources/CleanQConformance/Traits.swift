/// What the suite has to know about a queue. The defaults are those of a plain queue, which hands on what it is given.
public struct Traits: Sendable {
  /// Buffers that fit in each direction before it is full. Where nil, it is measured, and must be the same in each lap.
  public var capacity: Int?
  /// How long the suite's buffers are; protocol layers need room for their headers.
  public var bufferByteCount = 64
  /// The queue changes valid parts, marks or bytes, as a protocol layer does.
  public var rewrites = false
  /// The queue carries runs of several buffers. A layer that drops chained packets does not.
  public var carriesRuns = true
  /// The queue refuses buffers of unknown regions at once. A layer that takes them, drops them and completes them does not.
  public var refusesStrangers = true
  /// Buffers that the queue may keep for itself until it is deregistered.
  public var heldBackBufferCount = 0
  /// A burst that does not fit is refused whole, where the contract would have its beginning taken.
  public var refusesWholeBursts = false
  /// The queue, or its other end, takes ahead of its user from the layer below, so that more fits in than that layer holds.
  public var prefetches = false
  /// The queue takes regions of 8 GiB, of which no page is touched. A device that pins memory does not.
  public var takesHugeRegions = true
  /// Random walks, one per seed, and their length.
  public var seeds: [UInt64] = [1, 2, 3]
  public var stepCount = 250

  public init(capacity: Int? = nil) { self.capacity = capacity }
}

/// Random numbers that are the same for the same seed: SplitMix64.
struct SeededRandom: RandomNumberGenerator {
  var state: UInt64

  mutating func next() -> UInt64 {
    state &+= 0x9E37_79B9_7F4A_7C15
    var mixed = (state ^ state >> 30) &* 0xBF58_476D_1CE4_E5B9
    mixed = (mixed ^ mixed >> 27) &* 0x94D0_49BB_1331_11EB
    return mixed ^ mixed >> 31
  }
}
