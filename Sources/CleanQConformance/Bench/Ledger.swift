internal import CleanQ

/// Where the buffers of the subject should be: the sequences of the contract, as names.
///
/// The other side gives back in the order in which it took, so the three lists are one sequence in three pieces.
struct Ledger {
  /// T_XY: handed over, not yet taken by the other side.
  var outward: [Descriptor] = []
  /// S_Y: with the other side.
  var atPeer: [Descriptor] = []
  /// T_YX: handed back, not yet taken.
  var inward: [Descriptor] = []
  /// Bytes of the regions that are registered.
  var registeredByteCount = 0

  var away: [Descriptor] { inward + atPeer + outward }
  var awayCount: Int { inward.count + atPeer.count + outward.count }
}

extension Sequence<Descriptor> {
  var byteCount: Int { reduce(0) { $0 + Int($1.byteCount) } }

  func byteCount(of region: RegionID) -> Int { reduce(0) { $0 + ($1.region == region ? Int($1.byteCount) : 0) } }

  /// A buffer that shares a byte with this one.
  func overlapping(_ other: Descriptor) -> Descriptor? {
    first { name in
      name.region == other.region && name.offset < other.offset + UInt64(other.byteCount)
        && other.offset < name.offset + UInt64(name.byteCount)
    }
  }
}

extension Descriptor {
  /// The same bytes, with any content.
  func isSameStart(as other: Descriptor) -> Bool { region == other.region && offset == other.offset }

  /// For messages.
  var text: String {
    let marks = flags.contains(.last) ? "last" : "not last"
    let extra = flags.rawValue > 1 ? ", flags \(flags.rawValue)" : ""
    return "\(offset)+\(byteCount) (valid \(validOffset)+\(validByteCount), \(marks)\(extra))"
  }
}
