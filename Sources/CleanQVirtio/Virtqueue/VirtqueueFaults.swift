public import CleanQ

/// What a device said that cannot be true, counted by kind. None of it costs a buffer.
public struct VirtqueueFaults: Equatable, Sendable {
  /// A used element names a descriptor that the queue does not have.
  public var badID: UInt64 = 0
  /// A used element names a descriptor that is not with the device: used twice, or never made available.
  public var notInFlight: UInt64 = 0
  /// The device says that it wrote more than it was given.
  public var tooLong: UInt64 = 0
  /// The device gave a buffer back to which it wrote nothing.
  public var empty: UInt64 = 0
  /// The device's index says that more was used than is with it.
  public var indexJump: UInt64 = 0

  public init() {}

  /// All of them.
  public var total: UInt64 { badID &+ notInFlight &+ tooLong &+ empty &+ indexJump }

  mutating func add(_ other: VirtqueueFaults) {
    badID &+= other.badID
    notInFlight &+= other.notInFlight
    tooLong &+= other.tooLong
    empty &+= other.empty
    indexJump &+= other.indexJump
  }

  /// For reports: those that end a packet. Those that never occurred are left out.
  public var drops: [StageReport.Count] {
    [.init("too-long", tooLong), .init("empty", empty)].filter { $0.value > 0 }
  }

  /// The others.
  public var counters: [StageReport.Count] {
    [.init("bad-id", badID), .init("not-in-flight", notInFlight), .init("index-jump", indexJump)].filter {
      $0.value > 0
    }
  }
}
