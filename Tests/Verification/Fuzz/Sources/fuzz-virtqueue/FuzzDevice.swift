import CleanQ
import CleanQVirtio
import FuzzSupport
import Glibc

/// A virtio network device in memory that agrees to what the fuzzer chose. Its addresses are the process's.
final class FuzzDevice: VirtioTransport, @unchecked Sendable {
  let name = "fuzz"
  let wantedBacking = RegionBacking.anonymous
  let presence = VirtioPresence()
  private let features: VirtioFeatures
  /// The same for both queues; a device that comes back may have another.
  var queueSize: Int
  private var bits: VirtioStatus = []
  private var usesEventIndex = false
  private(set) var queues: [Int: FuzzQueue] = [:]
  private var regions: [RegionID: Range<UInt64>] = [:]

  /// One for all inputs: nobody sleeps here.
  private static let file = unsafe open("/dev/null", O_RDWR | O_CLOEXEC)

  init(_ features: VirtioFeatures, queueSize: Int) {
    self.features = features
    self.queueSize = queueSize
  }

  func reset() throws(VirtioError) {
    queues = [:]
    bits = []
  }

  func status() throws(VirtioError) -> VirtioStatus { bits }

  func setStatus(_ bits: VirtioStatus) throws(VirtioError) { self.bits.formUnion(bits) }

  func offeredFeatures() throws(VirtioError) -> VirtioFeatures { features }

  func acceptFeatures(_ features: VirtioFeatures) throws(VirtioError) {
    usesEventIndex = features.contains(.eventIndex)
    bits.insert(.featuresOK)
  }

  /// Address, link up, one pair, MTU 1500.
  func readConfiguration(offset: Int, byteCount: Int) throws(VirtioError) -> [UInt8]? {
    let all: [UInt8] = [2, 0, 0, 0, 0, 7, 1, 0, 1, 0, 0xDC, 5]
    return offset + byteCount <= all.count ? Array(all[offset..<(offset + byteCount)]) : nil
  }

  func queueLimit() throws(VirtioError) -> Int { 2 }

  func maximumQueueSize(_ index: Int) throws(VirtioError) -> Int { index < 2 ? queueSize : 0 }

  func map(_ region: borrowing Region) throws(QueueError) -> UInt64 {
    let base = UInt64(region.address)
    require(regions[region.id] == nil, "a region is mapped once")
    regions[region.id] = base..<(base + UInt64(region.byteCount))
    return base
  }

  func unmap(_ region: RegionID) throws(QueueError) {
    require(regions.removeValue(forKey: region) != nil, "what is unmapped was mapped")
  }

  func startQueue(_ index: Int, _ layout: VirtqueueLayout) throws(VirtioError) -> VirtqueueNotifier {
    queues[index] = FuzzQueue(layout, usesEventIndex: usesEventIndex)
    return .none
  }

  func stopQueue(_ index: Int) throws(VirtioError) { queues[index] = nil }

  func callFile(_ index: Int) -> Int32 { Self.file }

  /// Whether so many bytes from an address on may be reached.
  func reaches(_ address: UInt64, _ byteCount: Int) -> Bool {
    regions.values.contains { $0.contains(address) && UInt64(byteCount) <= $0.upperBound - address }
  }
}
