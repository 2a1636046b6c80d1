import Glibc

/// How often the process has allocated, retained, released and locked, where Tests/Steady/count_calls.c stands in front of
/// it; zeros where not.
struct CallCounts {
  private typealias Read = @convention(c) (UnsafeMutablePointer<UInt>) -> Void

  static let names = ["allocations", "retains", "releases", "locks"]

  // SAFETY: the library defines the symbol as a function of this type.
  private static let read = unsafe dlsym(nil, "count_calls_now").map { unsafe unsafeBitCast($0, to: Read.self) }

  private(set) var values: [4 of UInt] = [0, 0, 0, 0]

  /// Looks for the counter once, so that ``now()`` itself calls nothing that is counted.
  static func prepare() { _ = unsafe read }

  static func now() -> CallCounts {
    var counts = CallCounts()
    // SAFETY: four numbers, which the function writes.
    var storage: (UInt, UInt, UInt, UInt) = (0, 0, 0, 0)
    unsafe withUnsafeMutablePointer(to: &storage) { pointer in
      unsafe pointer.withMemoryRebound(to: UInt.self, capacity: 4) { unsafe read?($0) }
    }
    counts.values = [storage.0, storage.1, storage.2, storage.3]
    return counts
  }

  /// What was called since `earlier`.
  func since(_ earlier: CallCounts) -> [UInt] { (0..<4).map { values[$0] - earlier.values[$0] } }
}
