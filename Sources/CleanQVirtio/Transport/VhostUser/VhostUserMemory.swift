internal import CleanQ
internal import Glibc

/// The regions that a back end can reach, and what it was told of them.
///
/// Each holds a duplicate of the region's memfd, so that the table can be sent again after a reconnection.
struct VhostUserMemory: ~Copyable {
  private struct Entry {
    let id: RegionID
    let region: VhostUserRegion
  }

  private var entries: [Entry] = []

  deinit { for entry in entries { close(entry.region.file) } }

  var regions: [VhostUserRegion] { entries.map(\.region) }

  /// Adds a region.
  ///
  /// - Returns: its description, for the back end.
  /// - Throws: `refused` where it is not of shared memory, `alreadyRegistered`.
  mutating func insert(_ region: borrowing Region) throws(QueueError) -> VhostUserRegion {
    let id = region.id
    guard !entries.contains(where: { $0.id == id }) else { throw QueueError(.alreadyRegistered, context: "\(id)") }
    guard let original = region.fileDescriptor else {
      throw QueueError(
        .refused, context: "a vhost-user back end reaches shared memory only; make the region with backing: .shared")
    }
    let file = fcntl(original, F_DUPFD_CLOEXEC, 0)
    guard file >= 0 else { throw QueueError(.refused, context: "no file descriptor left: \(systemErrorText(errno))") }
    let description = VhostUserRegion(
      address: UInt64(region.address), byteCount: UInt64(region.mappedByteCount), file: file)
    entries.append(Entry(id: id, region: description))
    return description
  }

  /// Takes a region out.
  ///
  /// - Returns: its description; the file in it is closed.
  /// - Throws: `notRegistered`.
  mutating func remove(_ id: RegionID) throws(QueueError) -> VhostUserRegion {
    guard let index = entries.firstIndex(where: { $0.id == id }) else {
      throw QueueError(.notRegistered, context: "\(id)")
    }
    let entry = entries.remove(at: index)
    close(entry.region.file)
    return entry.region
  }
}
