internal import CleanQ
internal import CleanQWire

/// Empty buffers that are kept aside for ARP questions, and the names of those that are under way with one.
///
/// They are taken from what the user fills. The mark `.reply` alone would not do to know them again: where the other side
/// of the port below is a stack too, it answers in the same buffer and removes its own mark.
struct SpareBuffers: ~Copyable {
  static let maximumCount = 4
  /// An ARP frame and the room in front of it.
  static let byteCount = Buffer.standardHeadroom + EthernetHeader.byteCount + ARPPacket.byteCount

  var burst = Burst()
  /// A region whose buffers the port below takes.
  var region = RegionID.none
  private var names = InlineArray<4, Descriptor>(repeating: Descriptor(region: .none, offset: 0, byteCount: 0))
  private(set) var awayCount = 0

  /// Ends what is kept aside, at home in its region, and what comes back later; nothing more is kept.
  mutating func end() {
    region = .none
    burst.releaseAll()
  }

  /// Takes what is missing from the front of a burst of free buffers.
  mutating func collect(from freeBuffers: inout Burst) {
    while burst.count + awayCount < Self.maximumCount, freeBuffers.count > 0 {
      guard freeBuffers[0].region == region, freeBuffers[0].byteCount >= Self.byteCount,
        freeBuffers[0].flags.contains(.last),
        let buffer = freeBuffers.popFirst()
      else { return }
      burst.append(buffer)
    }
  }

  /// An empty buffer to send a question in; nil where all are away.
  mutating func take() -> Buffer? {
    guard awayCount < Self.maximumCount, var buffer = burst.popFirst() else { return nil }
    buffer.reset()
    for index in names.indices where names[index].region == .none {
      names[index] = buffer.name
      awayCount += 1
      break
    }
    return buffer
  }

  /// Whether this buffer went away with a question.
  func isAway(_ buffer: borrowing Buffer) -> Bool {
    guard awayCount > 0 else { return false }
    for index in names.indices where names[index].region == buffer.region {
      if names[index].offset == UInt64(buffer.offset) { return true }
    }
    return false
  }

  /// Takes a buffer back that went away.
  mutating func putBack(_ buffer: consuming Buffer) {
    for index in names.indices where names[index].region == buffer.region {
      guard names[index].offset == UInt64(buffer.offset) else { continue }
      names[index].region = .none
      awayCount -= 1
    }
    var buffer = buffer
    buffer.reset()
    burst.append(buffer)
    if region == .none { burst.releaseAll() }
  }
}
