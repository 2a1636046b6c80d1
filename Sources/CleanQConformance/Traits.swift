/// What the suite has to know about a queue. The defaults are those of a plain queue, which hands on what it is given.
public struct Traits: Sendable {
  /// Buffers that fit in each direction before it is full. Where nil, it is measured, and must be the same in each lap.
  public var capacity: Int?
  /// How long the suite's buffers are; protocol layers need room for their headers.
  public var bufferByteCount = 64
  /// The queue changes valid parts, marks or bytes, as a protocol layer does.
  public var rewrites = false
  /// A layer that takes a packet in several buffers and drops it, counted: its buffers come back before those of packets
  /// that were taken earlier and are being sent. A queue promises no order between what it sends and what it does not.
  public var dropsRuns = false
  /// Buffers that the queue may keep for itself until it is deregistered.
  public var heldBackBufferCount = 0
  /// The queue, or its other end, takes ahead of its user from the layer below, so that more fits in than that layer holds.
  public var prefetches = false
  /// The queue keeps what the layer below has no room for, and hands it on when it is next called, so that more fits in than
  /// that layer holds.
  public var keepsOverflow = false
  /// The queue takes regions of 8 GiB, of which no page is touched. A device that pins memory does not.
  public var takesHugeRegions = true
  /// The queue takes it for an error when a buffer gets to the other side, or comes back, by another way: ``CheckedQueue`` does.
  public var seesEveryBuffer = false
  /// Random walks, one per seed, and their length.
  public var seeds: [UInt64] = [1, 2, 3]
  public var stepCount = 250

  public init(capacity: Int? = nil) { self.capacity = capacity }
}

extension Traits {
  /// How much fits in is not known to a buffer.
  var isElastic: Bool { prefetches || keepsOverflow }
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
