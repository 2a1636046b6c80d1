import CleanQ
import FuzzSupport

/// Regions that live as long as the process: made once, so that an input means the same in every run.
enum FuzzRegions {
  /// One byte, a page, not a multiple of anything, and one whose offsets need more than 32 bits.
  private static let sizes = [1, 4096, 100_003, 6 << 30]
  static let count = sizes.count
  /// The id of a region that is no more; region 0 has its slot.
  static let retired: RegionID = {
    guard let region = try? Region(byteCount: 64) else { violated("there is memory for a region") }
    return region.id
  }()
  private static let first = RegionHolder(sizes[0])
  private static let second = RegionHolder(sizes[1])
  private static let third = RegionHolder(sizes[2])
  private static let fourth = RegionHolder(sizes[3])

  private static func holder(_ index: Int) -> RegionHolder {
    // The retired one comes first.
    _ = retired
    return switch index {
    case 0: first
    case 1: second
    case 2: third
    default: fourth
    }
  }

  static func identity(_ index: Int) -> (id: RegionID, byteCount: UInt64) {
    (holder(index).region.id, UInt64(holder(index).region.byteCount))
  }

  static func with<Failure: Error>(
    _ index: Int, _ body: (borrowing Region) throws(Failure) -> Void
  ) throws(Failure) {
    try body(holder(index).region)
  }
}

/// A region with a name that can be kept in a constant.
final class RegionHolder: Sendable {
  let region: Region

  init(_ byteCount: Int) {
    do { region = try Region(byteCount: byteCount, pages: .ordinary) } catch { violated("\(error)") }
  }
}
