internal import CleanQ

/// The memory of one virtqueue, which driver and device share: a region of the driver's own, mapped for the device.
///
/// What one side writes often has cache lines to itself: the indices of a split queue lie at the end of a line, the entries
/// begin the next one, so that publishing an index takes no entry away from the other side's cache. The specification asks
/// for no more than 16, 2 and 4 bytes of alignment. Source: [virtio 1.2 § 2.7, § 2.8].
@safe
struct VirtqueueArea: ~Copyable, Sendable {
  let layout: VirtqueueLayout
  /// Zeros: the header of packets that have no room for one in front. Written once; only the device reads it.
  let blankAddress: UInt64

  private let transport: any VirtioTransport
  private let region: Region
  private var memory: Buffer

  /// Bytes of zeros at ``blankAddress``.
  static let blankByteCount = 32

  init(_ transport: any VirtioTransport, size: Int, isPacked: Bool) throws(VirtioError) {
    let table = (16 * size + 127) / 128 * 128
    // Split: two 16-bit words in front of entries that begin a line. Packed: one 32-bit word each.
    let driver = isPacked ? table : table + 60
    let device = isPacked ? table + 128 : (driver + 6 + 2 * size + 127) / 128 * 128 + 60
    let blank = isPacked ? table + 256 : (device + 6 + 8 * size + 127) / 128 * 128
    let made: Region
    do {
      made = try Region(byteCount: blank + Self.blankByteCount, backing: transport.wantedBacking)
    } catch {
      throw VirtioError(.memory, context: "\(transport.name): no memory for a virtqueue of \(size): \(error)")
    }
    guard let whole = made.buffer(byteCount: made.byteCount) else {
      throw VirtioError(.memory, context: "\(transport.name): no memory for a virtqueue of \(size)")
    }
    let base: UInt64
    do throws(QueueError) { base = try transport.map(made) } catch {
      throw VirtioError(.memory, context: "\(transport.name): cannot map a virtqueue: \(error)")
    }
    region = made
    memory = whole
    self.transport = transport
    layout = VirtqueueLayout(
      size: size, isPacked: isPacked, descriptorAddress: base, driverAddress: base + UInt64(driver),
      deviceAddress: base + UInt64(device))
    blankAddress = base + UInt64(blank)
  }

  deinit { try? transport.unmap(region.id) }

  /// This process's address of a byte that the device knows under another one.
  ///
  /// SAFETY: good while the area lives; both sides may write there at any time, so all access is atomic.
  @unsafe
  func pointer(_ address: UInt64) -> UnsafeMutableRawPointer {
    unsafe memory.address + Int(address &- layout.descriptorAddress)
  }

  /// Zeroes everything, as a device expects that begins at index 0. The device has let go of the queue.
  mutating func clear() {
    var bytes = memory.mutableStorage
    for index in 0..<bytes.count { bytes[index] = 0 }
  }
}
