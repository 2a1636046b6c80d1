internal import CleanQ

/// The memory of one virtqueue, which driver and device share: part of a region of the driver's own, mapped for the device.
///
/// What one side writes often has cache lines to itself: the indices of a split queue lie at the end of a line, the entries
/// begin the next one, so that publishing an index takes no entry away from the other side's cache. The specification asks
/// for no more than 16, 2 and 4 bytes of alignment. Source: [virtio 1.2 § 2.7, § 2.8].
@safe
struct VirtqueueArea: ~Copyable, @unchecked Sendable {
  let layout: VirtqueueLayout
  /// Zeros: the header of packets that have no room for one in front. Written once; only the device reads it.
  let blankAddress: UInt64

  /// Private memory for what the driver wrote last, zeroed: ``noteByteCount`` bytes for each descriptor.
  let notes: UnsafeMutableRawPointer

  private let source: VirtqueueMemory
  private var memory: Buffer

  private static let noteByteCount = 18

  /// Bytes of zeros at ``blankAddress``.
  static let blankByteCount = 32

  /// Where the parts of an area lie, counted from its first byte, which is the descriptors'.
  private struct Places {
    let driver: Int
    let device: Int
    let blank: Int
    var byteCount: Int { blank + VirtqueueArea.blankByteCount }

    init(size: Int, isPacked: Bool) {
      let table = (16 * size + 127) / 128 * 128
      // Split: two 16-bit words in front of entries that begin a line. Packed: one 32-bit word each.
      driver = isPacked ? table : table + 60
      device = isPacked ? table + 128 : (driver + 6 + 2 * size + 127) / 128 * 128 + 60
      blank = isPacked ? table + 256 : (device + 6 + 8 * size + 127) / 128 * 128
    }
  }

  /// The bytes of an area of either kind. All of one device's are that long, so that where one was another one fits.
  static func byteCount(size: Int) -> Int {
    let longest = max(Places(size: size, isPacked: false).byteCount, Places(size: size, isPacked: true).byteCount)
    return (longest + 127) / 128 * 128
  }

  /// - Parameter slotByteCount: how many bytes to take, at least ``byteCount(size:)``.
  init(_ source: VirtqueueMemory, size: Int, isPacked: Bool, slotByteCount: Int? = nil) throws(VirtioError) {
    let places = Places(size: size, isPacked: isPacked)
    memory = try source.take(slotByteCount ?? Self.byteCount(size: size))
    let base = source.deviceAddress(of: memory)
    self.source = source
    layout = VirtqueueLayout(
      size: size, isPacked: isPacked, descriptorAddress: base, driverAddress: base + UInt64(places.driver),
      deviceAddress: base + UInt64(places.device))
    blankAddress = base + UInt64(places.blank)
    unsafe notes = .allocate(byteCount: Self.noteByteCount * size, alignment: 64)
    unsafe notes.initializeMemory(as: UInt8.self, repeating: 0, count: Self.noteByteCount * size)
    clear()
  }

  deinit { unsafe notes.deallocate() }

  /// This process's address of a byte that the device knows under another one.
  ///
  /// SAFETY: good while the area lives; both sides may write there at any time, so all access is atomic.
  @unsafe
  func pointer(_ address: UInt64) -> UnsafeMutableRawPointer {
    unsafe memory.address + Int(address &- layout.descriptorAddress)
  }

  /// Zeroes everything, as a device expects that begins at index 0.
  private mutating func clear() {
    var bytes = memory.mutableStorage
    for index in 0..<bytes.count { bytes[index] = 0 }
  }
}
