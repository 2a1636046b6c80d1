internal import CPlatform
internal import Glibc

/// Registers of a device: a run of bytes of a memory BAR.
///
/// A plain value, valid for as long as the ``VFIODevice`` that gave it. Each access is one access of the device, in the
/// width of the method. Sendable; what two threads may write at a time, the device's manual says.
@frozen
@safe
public struct Registers: @unchecked Sendable, BitwiseCopyable {
  @usableFromInline let base: UnsafeMutableRawPointer
  public let byteCount: Int

  /// SAFETY: the bytes stay mapped for as long as the value is used.
  @unsafe
  init(base: UnsafeMutableRawPointer, byteCount: Int) {
    unsafe self.base = unsafe base
    self.byteCount = byteCount
  }

  /// A part of them; nil where it is not inside. For offsets that the device states.
  public func part(offset: UInt64, byteCount: UInt64) -> Registers? {
    let (end, overflow) = offset.addingReportingOverflow(byteCount)
    guard !overflow, end <= UInt64(self.byteCount) else { return nil }
    return unsafe Registers(base: base + Int(offset), byteCount: Int(byteCount))
  }

  /// The address of a register, for a value on the data path that writes to this one only.
  public func address(of offset: Int) -> UInt { unsafe UInt(bitPattern: register(offset, 1)) }

  @usableFromInline
  @inline(__always)
  func register(_ offset: Int, _ width: Int) -> UnsafeMutableRawPointer {
    precondition(
      offset >= 0 && offset <= byteCount &- width && offset & (width &- 1) == 0, "no register of that width there")
    return unsafe base + offset
  }

  // SAFETY, for all of these: `register` has checked that the bytes are inside the mapping, and aligned.

  public func read8(_ offset: Int) -> UInt8 { unsafe cplatform_register_read8(register(offset, 1)) }
  public func read16(_ offset: Int) -> UInt16 { unsafe cplatform_register_read16(register(offset, 2)) }
  public func read32(_ offset: Int) -> UInt32 { unsafe cplatform_register_read32(register(offset, 4)) }
  public func read64(_ offset: Int) -> UInt64 { unsafe cplatform_register_read64(register(offset, 8)) }

  public func write8(_ offset: Int, _ value: UInt8) { unsafe cplatform_register_write8(register(offset, 1), value) }
  public func write16(_ offset: Int, _ value: UInt16) { unsafe cplatform_register_write16(register(offset, 2), value) }
  public func write32(_ offset: Int, _ value: UInt32) { unsafe cplatform_register_write32(register(offset, 4), value) }
  public func write64(_ offset: Int, _ value: UInt64) { unsafe cplatform_register_write64(register(offset, 8), value) }
}

/// A mapping of a memory BAR; unmapped when the last holder goes.
@safe
final class MappedBAR: @unchecked Sendable {
  private let base: UnsafeMutableRawPointer
  private let byteCount: Int

  /// SAFETY: the mapping is handed over to the new object.
  @unsafe
  init(base: UnsafeMutableRawPointer, byteCount: Int) {
    unsafe self.base = unsafe base
    self.byteCount = byteCount
  }

  // SAFETY: `Registers` are valid only while the device lives, and the device holds this object.
  var registers: Registers { unsafe Registers(base: base, byteCount: byteCount) }

  deinit { _ = unsafe munmap(base, byteCount) }
}
