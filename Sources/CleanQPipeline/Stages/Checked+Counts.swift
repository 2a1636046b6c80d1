internal import CleanQ

extension Checked {
  /// What the numbers in the stage's report mean.
  static var counts: [CountDescription] {
    [
      .counter("checked-buffers", "buffers that passed"),
      .counter("violations", "all violations together; anything but 0 is a bug of a stage beside this one"),
      .drop("withheld", "buffers that broke the rules and were not passed on"),
    ] + OwnershipViolation.Kind.allCases.map { .counter($0.name, $0.meaning) }
  }
}

extension OwnershipViolation.Kind {
  fileprivate var meaning: String {
    switch self {
    case .duplicateDown: "buffers handed down twice"
    case .duplicateUp: "buffers that came up twice, or were never handed down"
    case .overlapDown: "buffers handed down with bytes that were below already"
    case .overlapUp: "buffers that came up longer than they were handed down"
    case .unknownRegion: "buffers of a region that is not registered"
    case .outOfBounds: "buffers outside their region"
    case .handBackChanged: "buffers that were refused and came back changed or reordered"
    case .handBackUnexplained: "buffers that were refused without a reason"
    case .tornRun: "packets in several buffers that were taken in part"
    case .burstDisturbed: "bursts whose earlier buffers were changed by a call that may only append"
    case .earlyDeregister: "regions deregistered while bytes of them were below"
    case .lost: "times that bytes were handed down and are nowhere"
    case .surplus: "times that the stage below claimed bytes that it was not given"
    }
  }
}
