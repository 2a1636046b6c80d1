internal import CPlatform
internal import CleanQ
internal import CleanQPipeline
internal import CleanQPlatform
internal import Glibc
internal import Logging
internal import Synchronization

/// What becomes of the pages that a back end maps too, for the thread that keeps the connection up.
///
/// A back end that takes hugepages away has its connection ended, like one that breaks the protocol: so its queues end, and all
/// buffers come back. No other is made before the pages are shared again.
///
/// Sendable.
final class VhostUserSharedPages: Sendable {
  private struct State {
    var regions: [RegionID: SharedPages] = [:]
    var log: LimitedLog
  }

  private let name: String
  private let state: Mutex<State>
  private let lostPageCount = Atomic<UInt64>(0)
  /// Readable when a page of any shared region was lost.
  let file: EventFile
  private let bell: PageBell

  init(name: String, logger: Logger) throws(VirtioError) {
    self.name = name
    state = Mutex(State(log: LimitedLog(logger)))
    file = try EventFile.make(for: name)
    guard let bell = PageBell(signaling: file.number) else {
      throw VirtioError(.system, errno: errno, context: "\(name): too many devices share memory with other processes")
    }
    self.bell = bell
  }

  /// How many times a back end took memory away.
  var lossCount: UInt64 { lostPageCount.load(ordering: .relaxed) }

  func insert(_ region: borrowing Region) throws(QueueError) {
    let id = region.id
    let pages: SharedPages
    do { pages = try region.share() } catch {
      throw QueueError(.refused, context: "a vhost-user back end reaches shared memory only: \(error)")
    }
    state.withLock { $0.regions[id] = pages }
  }

  func remove(_ id: RegionID) { state.withLock { _ = $0.regions.removeValue(forKey: id) } }

  /// Bytes that this process and the back end do not share any more.
  ///
  /// - Complexity: O(number of regions).
  private var lostByteCount: Int { state.withLock { $0.regions.values.reduce(0) { $0 + $1.lostByteCount } } }

  /// Looks whether pages were lost since the last call; counts it.
  func takeLoss() -> VhostUserFault? {
    EventFile.clear(file.number)
    let byteCount = lostByteCount
    guard byteCount > 0 else { return nil }
    lostPageCount.add(1, ordering: .relaxed)
    return .tookMemory(byteCount: byteCount)
  }

  /// Shares all pages again. There is no connection.
  ///
  /// - Returns: false where that is not possible yet, which is logged.
  func restore() -> Bool {
    if file.waitUntilReadable(timeoutMilliseconds: 0) { _ = takeLoss() }
    let regions = state.withLock { $0.regions }
    for region in regions.values {
      let failure = region.restore()
      guard failure != 0 else { continue }
      let byteCount = lostByteCount
      state.withLock { state in
        _ = state.log.log(
          at: .now,
          "\(name): the back end took away \(byteCount) bytes of memory that cannot be replaced: \(systemErrorText(failure)); "
            + "reserve more hugepages (/proc/sys/vm/nr_hugepages), and the stage goes on")
      }
      return false
    }
    return true
  }
}
