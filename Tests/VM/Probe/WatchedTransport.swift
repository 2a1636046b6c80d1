import CleanQ
import CleanQVFIO
import CleanQVirtio
import Glibc
import Logging
import Synchronization

/// A transport that also remembers where the rings are, so that one can write to them what no driver writes.
///
/// For split rings. Source: [virtio 1.2 § 2.7]. Sendable.
final class WatchedTransport: VirtioTransport {
  private struct Mapping {
    let device: UInt64
    let process: UInt
    let byteCount: Int
  }

  private struct State {
    var mappings: [RegionID: Mapping] = [:]
    var layouts: [Int: VirtqueueLayout] = [:]
  }

  private let real: VirtioPCITransport
  private let state = Mutex(State())

  init(_ address: PCIAddress, logger: Logger) throws(VirtioError) {
    real = try VirtioPCITransport(address, logger: logger)
  }

  // MARK: What goes through

  var name: String { real.name }
  var wantedBacking: RegionBacking { real.wantedBacking }
  var requiredFeatures: VirtioFeatures { real.requiredFeatures }
  var canComeBack: Bool { real.canComeBack }
  var presence: VirtioPresence { real.presence }
  func reset() throws(VirtioError) { try real.reset() }
  func status() throws(VirtioError) -> VirtioStatus { try real.status() }
  func setStatus(_ bits: VirtioStatus) throws(VirtioError) { try real.setStatus(bits) }
  func offeredFeatures() throws(VirtioError) -> VirtioFeatures { try real.offeredFeatures() }
  func acceptFeatures(_ features: VirtioFeatures) throws(VirtioError) { try real.acceptFeatures(features) }
  func readConfiguration(offset: Int, byteCount: Int) throws(VirtioError) -> [UInt8]? {
    try real.readConfiguration(offset: offset, byteCount: byteCount)
  }
  func queueLimit() throws(VirtioError) -> Int { try real.queueLimit() }
  func maximumQueueSize(_ index: Int) throws(VirtioError) -> Int { try real.maximumQueueSize(index) }
  func stopQueue(_ index: Int) throws(VirtioError) { try real.stopQueue(index) }
  func callFile(_ index: Int) -> Int32 { real.callFile(index) }

  func map(_ region: borrowing Region) throws(QueueError) -> UInt64 {
    let first = try real.map(region)
    let mapping = Mapping(device: first, process: region.address, byteCount: region.mappedByteCount)
    let id = region.id
    state.withLock { $0.mappings[id] = mapping }
    return first
  }

  func unmap(_ region: RegionID) throws(QueueError) {
    try real.unmap(region)
    state.withLock { _ = $0.mappings.removeValue(forKey: region) }
  }

  func startQueue(_ index: Int, _ layout: VirtqueueLayout) throws(VirtioError) -> VirtqueueNotifier {
    state.withLock { $0.layouts[index] = layout }
    return try real.startQueue(index, layout)
  }

  // MARK: What no driver does

  /// Makes the descriptor that was made available last point to where nothing is mapped.
  ///
  /// - Returns: the address that the device now believes.
  func pointNowhere(_ index: Int) -> UInt64 {
    let (layout, end) = state.withLock { state in
      (state.layouts[index], state.mappings.values.map { $0.device + UInt64($0.byteCount) }.max() ?? 0)
    }
    guard let layout else { return 0 }
    let nowhere = end + 1 << 20
    newest(layout) { head in
      // SAFETY: a descriptor of the ring, whose region the running driver keeps; nobody else writes there meanwhile.
      unsafe at(layout.descriptorAddress + UInt64(16 * Int(head))) { (address: UnsafeMutablePointer<UInt64>) in
        unsafe address.pointee = nowhere
      }
    }
    return nowhere
  }

  /// Makes a descriptor available that the ring does not have: a device that looks has to give up. § 2.7.13.2
  func nameNoDescriptor(_ index: Int) {
    guard let layout = state.withLock({ $0.layouts[index] }) else { return }
    newest(layout) { head in head = .max }
  }

  /// The head that was made available last.
  private func newest(_ layout: VirtqueueLayout, _ body: (inout UInt16) -> Void) {
    // SAFETY: the available ring, an index and as many heads as there are descriptors, as above.
    unsafe at(layout.driverAddress + 2) { (index: UnsafeMutablePointer<UInt16>) in
      unsafe body(&(index + 1 + Int(index.pointee &- 1) % layout.size).pointee)
    }
  }

  /// SAFETY: there is a value of that type at the device's address.
  @unsafe
  private func at<Value>(_ device: UInt64, _ body: (UnsafeMutablePointer<Value>) -> Void) {
    let mapping = state.withLock { state in
      state.mappings.values.first { device >= $0.device && device < $0.device + UInt64($0.byteCount) }
    }
    guard let mapping,
      let pointer = unsafe UnsafeMutablePointer<Value>(bitPattern: mapping.process + UInt(device - mapping.device))
    else { return say("no memory at \(device)") }
    unsafe body(pointer)
  }
}
