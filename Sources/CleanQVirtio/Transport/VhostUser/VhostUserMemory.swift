internal import CleanQ
internal import Glibc

/// The regions that a back end can reach, and what it was told of them.
///
/// Each holds a duplicate of the region's memfd, so that the table can be sent again after a reconnection.
struct VhostUserMemory: ~Copyable {
  private(set) var regions: [RegionID: VhostUserRegion] = [:]

  deinit { for region in regions.values { close(region.file) } }

  /// Adds a region.
  ///
  /// - Returns: its description, for the back end.
  /// - Throws: `refused` where it is not of shared memory, `alreadyRegistered`.
  mutating func insert(_ region: borrowing Region) throws(QueueError) -> VhostUserRegion {
    let id = region.id
    guard regions[id] == nil else { throw QueueError(.alreadyRegistered, context: "\(id)") }
    guard let original = region.fileDescriptor else {
      throw QueueError(
        .refused, context: "a vhost-user back end reaches shared memory only; make the region with backing: .shared")
    }
    let file = fcntl(original, F_DUPFD_CLOEXEC, 0)
    guard file >= 0 else { throw QueueError(.refused, context: "no file descriptor left: \(systemErrorText(errno))") }
    let description = VhostUserRegion(
      address: UInt64(region.address), byteCount: UInt64(region.mappedByteCount), file: file)
    regions[id] = description
    return description
  }

  /// Takes a region out.
  ///
  /// - Throws: `notRegistered`.
  mutating func remove(_ id: RegionID) throws(QueueError) {
    guard let region = regions.removeValue(forKey: id) else { throw QueueError(.notRegistered, context: "\(id)") }
    close(region.file)
  }
}
