import FuzzSupport

@testable import CleanQ

/// A table of regions, and beside it what it should contain.
struct DescriptorRig: ~Copyable {
  private var table = RegionTable()
  /// Ids and sizes of the regions that are registered.
  private var registered: [UInt64: UInt64] = [:]
  /// Ids of the regions that were registered once, and are dead to the table.
  private var dead: Set<UInt64> = []

  /// Takes one step: a registration changes, or a descriptor is looked at.
  mutating func step(_ input: inout FuzzInput) {
    let operation = input.byte()
    let index = Int(operation >> 4) % FuzzRegions.count
    switch operation & 0xF {
    case 0: register(index)
    case 1: deregister(index)
    default: look(&input, operation & 0xF, index)
    }
    let expected = registered.values.reduce(0, +)
    require(table.byteCount == Int(expected), "the table's bytes are those of the registered regions")
  }

  private mutating func register(_ index: Int) {
    let (id, byteCount) = FuzzRegions.identity(index)
    var code: QueueError.Code?
    do { try FuzzRegions.with(index) { region throws(QueueError) in try table.insert(region) } } catch {
      code = error.code
    }
    if registered[id.rawValue] != nil {
      require(code == .alreadyRegistered, "a region is registered once")
    } else if dead.contains(id.rawValue) {
      require(code == .retired, "a region that was deregistered is not registered again")
    } else {
      require(code == nil, "a region that the table does not know is registered")
      registered[id.rawValue] = byteCount
    }
  }

  private mutating func deregister(_ index: Int) {
    let (id, _) = FuzzRegions.identity(index)
    var isTaken = true
    do { try table.remove(id) } catch { isTaken = false }
    require(isTaken == (registered[id.rawValue] != nil), "a region is deregistered where it was registered")
    if registered.removeValue(forKey: id.rawValue) != nil { dead.insert(id.rawValue) }
  }

  /// Looks at a descriptor made of 32 bytes. Its region is a live one, a retired one, one that never was, or as the bytes
  /// say.
  private mutating func look(_ input: inout FuzzInput, _ way: UInt8, _ index: Int) {
    let bytes = ExactBytes((0..<4).flatMap { _ in withBytes(of: input.number(UInt64.self)) })
    // SAFETY: 32 bytes, of which every pattern is a descriptor; a ring loads them the same way.
    var descriptor = unsafe bytes.span.withUnsafeBytes { unsafe $0.loadUnaligned(as: Descriptor.self) }
    let (id, byteCount) = FuzzRegions.identity(index)
    let raw = descriptor.region.rawValue
    switch way {
    case 2, 3, 4, 5, 6: descriptor.region = id
    case 7: descriptor.region = RegionID(rawValue: id.rawValue ^ 1 << (raw & 63))
    case 8: descriptor.region = RegionID(slot: id.slot, generation: raw >> 16)
    case 9: descriptor.region = FuzzRegions.retired
    case 10: descriptor.region = .none
    default: break
    }
    // Numbers near the edges, which 64 bits of chance do not meet.
    switch way {
    case 3: descriptor.offset = byteCount &- (descriptor.offset & 0xFF)
    case 4: descriptor.byteCount = UInt32(truncatingIfNeeded: byteCount &- descriptor.offset)
    case 5: descriptor.validByteCount = descriptor.byteCount &- descriptor.validOffset
    case 6:
      descriptor.offset &= 0xFF
      descriptor.byteCount &= 0xFFF
      descriptor.validOffset &= 0xFFF
      descriptor.validByteCount &= 0xFFF
      descriptor.flags = BufferFlags(rawValue: descriptor.flags.rawValue & 7)
    default: break
    }
    judge(descriptor, index, &input)
  }

  private func judge(_ descriptor: Descriptor, _ index: Int, _ input: inout FuzzInput) {
    let size = registered[descriptor.region.rawValue]
    require(table.contains(descriptor.region) == (size != nil), "the table contains what is registered")
    // SAFETY: a buffer that comes of this is never released: it is turned back into its descriptor.
    switch unsafe table.buffer(descriptor) {
    case .failure(let fault):
      require(Oracle.isTrue(fault, of: descriptor, regionByteCount: size), "\(fault) is true of \(descriptor)")
    case .success(var buffer):
      require(Oracle.isGood(descriptor, regionByteCount: size), "what is accepted is in bounds: \(descriptor)")
      require(buffer.name == descriptor, "the buffer is the one that was named")
      BufferChecks.check(&buffer, of: descriptor, &input)
      _ = buffer.intoDescriptor()
    }
  }

  private func withBytes(of number: UInt64) -> [UInt8] { (0..<8).map { UInt8(truncatingIfNeeded: number >> (8 * $0)) } }
}
