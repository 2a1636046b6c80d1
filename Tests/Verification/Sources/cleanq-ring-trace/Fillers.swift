import CleanQ

/// What all worlds share: where their lines go, buffers that take up room in a burst, and the regions that were deregistered.
final class Fillers {
  var output = Output()
  var dead: Set<RegionID> = []
  private var burst = Burst()
  private var region: Region?

  deinit { burst.releaseAll() }

  /// Not before a world needs it, so that worlds' regions come first: an empty entry of a table looks like one of slot 0.
  private func makeRegion() {
    guard let region = try? Region(byteCount: Burst.capacity, pages: .ordinary) else {
      preconditionFailure("no memory")
    }
    while burst.room > 0, let buffer = region.buffer(byteCount: 1, alignment: 1) { burst.append(buffer) }
    self.region = consume region
  }

  /// Puts fillers into an empty burst until only `room` places are left.
  func fill(_ other: inout Burst, leaving room: Int) {
    if region == nil { makeRegion() }
    while other.room > room, let buffer = burst.popFirst() { other.append(buffer) }
  }

  /// Takes them out of the front again.
  func takeBack(from other: inout Burst, leaving room: Int) {
    for _ in 0..<max(0, Burst.capacity - room) {
      if let buffer = other.popFirst() { burst.append(buffer) }
    }
  }
}
