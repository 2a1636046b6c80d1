/// The name of a region: a slot of the process's region directory and the generation of that slot.
///
/// A retired id is dead for ever: the slot's next region carries the next generation, and all 64 bits take part in
/// every comparison. At a million regions a second in one slot, 48 bits of generation last nine years.
@frozen
public struct RegionID: RawRepresentable, Hashable, Sendable, BitwiseCopyable {
  /// Bits 0–15: slot. Bits 16–63: generation, never zero in a region that exists.
  public let rawValue: UInt64

  @inlinable
  public init(rawValue: UInt64) { self.rawValue = rawValue }

  @inlinable
  public init(slot: Int, generation: UInt64) {
    rawValue = generation << 16 | UInt64(truncatingIfNeeded: slot) & 0xFFFF
  }

  /// Which entry of the directory this region uses, 0 ..< ``RegionDirectory/capacity`` for a region that exists.
  @inlinable
  public var slot: Int { Int(truncatingIfNeeded: rawValue & 0xFFFF) }

  /// How many regions have used the slot, this one included.
  @inlinable
  public var generation: UInt64 { rawValue >> 16 }

  /// No region: generation 0 is never given out.
  @inlinable
  public static var none: RegionID { RegionID(rawValue: 0) }
}

extension RegionID: CustomStringConvertible {
  public var description: String { "region \(slot).\(generation)" }
}
