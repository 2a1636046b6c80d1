import CleanQ

/// The bounds of the contract, in sums of 128 bits that have no need for care.
enum Oracle {
  static func isInRegion(_ descriptor: Descriptor, _ byteCount: UInt64) -> Bool {
    UInt128(descriptor.offset) + UInt128(descriptor.byteCount) <= UInt128(byteCount)
  }

  static func isValidPartInBuffer(_ descriptor: Descriptor) -> Bool {
    UInt128(descriptor.validOffset) + UInt128(descriptor.validByteCount) <= UInt128(descriptor.byteCount)
  }

  /// Three flags exist: `last`, `reply` and `recorded`.
  static func isFlagged(_ descriptor: Descriptor) -> Bool { descriptor.flags.rawValue <= 0b111 }

  /// Whether a descriptor is to be accepted. No size: its region is not registered.
  static func isGood(_ descriptor: Descriptor, regionByteCount: UInt64?) -> Bool {
    guard let regionByteCount else { return false }
    return descriptor.byteCount > 0 && isInRegion(descriptor, regionByteCount) && isValidPartInBuffer(descriptor)
      && isFlagged(descriptor)
  }

  /// Whether a descriptor has the fault that it is said to have.
  static func isTrue(_ fault: DescriptorFault, of descriptor: Descriptor, regionByteCount: UInt64?) -> Bool {
    guard let regionByteCount else { return fault == .unknownRegion }
    return switch fault {
    case .unknownRegion: false
    case .empty: descriptor.byteCount == 0
    case .outsideRegion: !isInRegion(descriptor, regionByteCount)
    case .validOutsideBuffer: !isValidPartInBuffer(descriptor)
    case .unknownFlags: !isFlagged(descriptor)
    }
  }
}
