internal import CleanQ

/// Memory that driver and device share: one region, mapped for the device for as long as this lives.
///
/// All rings of a device are in one, since a device in another process maps few regions, and each queue pair has one of its own
/// for buffers.
final class VirtqueueMemory: Sendable {
  private let transport: any VirtioTransport
  private let region: Region
  /// The device's address of the region's first byte.
  private let base: UInt64

  init(_ transport: any VirtioTransport, byteCount: Int) throws(VirtioError) {
    self.transport = transport
    do { region = try Region(byteCount: byteCount, backing: transport.wantedBacking) } catch {
      throw VirtioError(.memory, context: "\(transport.name): no memory for \(byteCount) bytes of rings: \(error)")
    }
    do throws(QueueError) { base = try transport.map(region) } catch {
      throw VirtioError(.memory, context: "\(transport.name): cannot map the rings: \(error)")
    }
  }

  deinit { try? transport.unmap(region.id) }

  /// Takes a part; it comes back when the buffer goes. It holds what was there before.
  func take(_ byteCount: Int) throws(VirtioError) -> Buffer {
    guard let buffer = region.buffer(byteCount: byteCount, alignment: 128) else {
      throw VirtioError(.memory, context: "\(transport.name): no memory for \(byteCount) bytes of a ring is left")
    }
    return buffer
  }

  func deviceAddress(of buffer: borrowing Buffer) -> UInt64 { base + UInt64(buffer.offset) }
}
