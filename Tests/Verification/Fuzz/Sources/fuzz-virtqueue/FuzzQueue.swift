import CleanQVirtio
import FuzzSupport

/// The device's side of one virtqueue: an honest one, from the specification, and a pen for every word that it shares.
///
/// Addresses are the process's.
final class FuzzQueue {
  /// A chain as its first descriptor has it.
  struct Chain {
    var id: UInt32
    var address: UInt64
    var byteCount: Int
    var descriptorCount: Int
  }

  private let layout: VirtqueueLayout
  /// Shared words were overwritten: what is read there may be nonsense.
  private(set) var isScribbled = false
  /// Everything that was said on it is true.
  private(set) var isHonest = true
  private var nextAvailable = 0
  private var availableWrap = true
  private var nextUsed = 0
  private var usedWrap = true

  private let usesEventIndex: Bool

  init(_ layout: VirtqueueLayout, usesEventIndex: Bool) {
    self.layout = layout
    self.usesEventIndex = usesEventIndex
  }

  private var areas: [(address: UInt64, byteCount: Int)] {
    let size = layout.size
    let driver = layout.isPacked ? 4 : 6 + 2 * size
    let device = layout.isPacked ? 4 : 6 + 8 * size
    return [(layout.deviceAddress, device), (layout.descriptorAddress, 16 * size), (layout.driverAddress, driver)]
  }

  // SAFETY, for all four: callers stay inside the areas, which live while the queue is started; nothing runs beside it.
  private func load<Word: FixedWidthInteger & BitwiseCopyable>(_ address: UInt64, _ offset: Int) -> Word {
    guard let base = unsafe UnsafeRawPointer(bitPattern: UInt(address)) else { violated("a queue has memory") }
    return unsafe base.loadUnaligned(fromByteOffset: offset, as: Word.self)
  }

  private func store<Word: FixedWidthInteger & BitwiseCopyable>(_ value: Word, _ address: UInt64, _ offset: Int) {
    guard let base = unsafe UnsafeMutableRawPointer(bitPattern: UInt(address)) else { violated("a queue has memory") }
    unsafe base.storeBytes(of: value, toByteOffset: offset, as: Word.self)
  }

  // MARK: Honest

  /// The next chain that is available, or nil. § 2.7.6, § 2.8.1
  func take() -> Chain? { layout.isPacked ? takePacked() : takeSplit() }

  private func takeSplit() -> Chain? {
    let index: UInt16 = load(layout.driverAddress, 2)
    guard Int(index) != nextAvailable else { return nil }
    let head: UInt16 = load(layout.driverAddress, 4 + 2 * (nextAvailable % layout.size))
    nextAvailable = (nextAvailable + 1) & 0xFFFF
    guard Int(head) < layout.size else { return nil }
    let byteCount: UInt32 = load(layout.descriptorAddress, 16 * Int(head) + 8)
    let address: UInt64 = load(layout.descriptorAddress, 16 * Int(head))
    return Chain(id: UInt32(head), address: address, byteCount: Int(byteCount), descriptorCount: 1)
  }

  private func takePacked() -> Chain? {
    var chain: Chain?
    for _ in 0..<layout.size {
      let place = 16 * nextAvailable
      let marks: UInt16 = load(layout.descriptorAddress, place + 14)
      guard (marks & 0x80 != 0) == availableWrap, (marks & 0x8000 != 0) != availableWrap else { return nil }
      let id: UInt16 = load(layout.descriptorAddress, place + 12)
      let byteCount: UInt32 = load(layout.descriptorAddress, place + 8)
      let address: UInt64 = load(layout.descriptorAddress, place)
      var all = chain ?? Chain(id: 0, address: address, byteCount: Int(byteCount), descriptorCount: 0)
      all.id = UInt32(id)
      all.descriptorCount += 1
      chain = all
      nextAvailable += 1
      if nextAvailable == layout.size { (nextAvailable, availableWrap) = (0, !availableWrap) }
      if marks & 1 == 0 { return all }
    }
    return nil
  }

  /// Writes a used element, and goes on by so many descriptors. § 2.7.8, § 2.8.7
  func use(id: UInt32, byteCount: UInt32, descriptorCount: Int = 1) {
    guard layout.isPacked else {
      let place = 4 + 8 * (nextUsed % layout.size)
      store(id, layout.deviceAddress, place)
      store(byteCount, layout.deviceAddress, place + 4)
      nextUsed = (nextUsed + 1) & 0xFFFF
      return store(UInt16(nextUsed), layout.deviceAddress, 2)
    }
    let place = 16 * nextUsed
    store(byteCount, layout.descriptorAddress, place + 8)
    store(UInt16(truncatingIfNeeded: id), layout.descriptorAddress, place + 12)
    store(usedWrap ? 0x8080 : 0 as UInt16, layout.descriptorAddress, place + 14)
    nextUsed += descriptorCount
    if nextUsed >= layout.size { (nextUsed, usedWrap) = (nextUsed - layout.size, !usedWrap) }
  }

  /// Asks to be notified of the next chain that becomes available. § 2.7.10, § 2.8.10
  func askForKick() {
    guard layout.isPacked else {
      store(0 as UInt16, layout.deviceAddress, 0)
      return store(UInt16(nextAvailable), layout.deviceAddress, 4 + 8 * layout.size)
    }
    let event = usesEventIndex ? UInt32(nextAvailable) | (availableWrap ? 0x8000 : 0) | 2 << 16 : 0
    store(event, layout.deviceAddress, 0)
  }

  // MARK: Not honest

  /// Uses what the fuzzer says.
  func useFalsely(id: UInt32, byteCount: UInt32, descriptorCount: Int = 1) {
    isHonest = false
    use(id: id, byteCount: byteCount, descriptorCount: descriptorCount)
  }

  /// Moves its index by so much: says that elements were used that were not.
  func jump(by count: UInt16) {
    isHonest = false
    guard layout.isPacked else {
      nextUsed = (nextUsed + Int(count)) & 0xFFFF
      return store(UInt16(nextUsed), layout.deviceAddress, 2)
    }
    for _ in 0..<min(Int(count), layout.size) {
      store(usedWrap ? 0x8080 : 0 as UInt16, layout.descriptorAddress, 16 * nextUsed + 14)
      nextUsed += 1
      if nextUsed == layout.size { (nextUsed, usedWrap) = (0, !usedWrap) }
    }
  }

  /// Overwrites one of all shared words, the driver's own too.
  func scribble(area: Int, word: Int, value: UInt16) {
    isScribbled = true
    isHonest = false
    let area = areas[area % areas.count]
    store(value, area.address, 2 * (word % (area.byteCount / 2)))
  }
}
