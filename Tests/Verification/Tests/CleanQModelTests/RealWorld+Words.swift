import CleanQ
import CleanQModel

// The real queue's errors and numbers in the model's words.

extension Objection {
  init(_ refusal: Refusal) {
    switch refusal {
    case .full: self = .full
    case .unknownRegion: self = .unknownRegion
    case .incompleteChain: self = .incompleteChain
    case .closed: self = .closed
    }
  }

  init(_ error: QueueError) {
    switch error.code {
    case .alreadyRegistered: self = .alreadyRegistered
    case .retired: self = .retired
    case .notRegistered: self = .notRegistered
    case .notOwner: self = .notRegistrar
    case .elsewhere(let byteCount): self = .elsewhere(byteCount: byteCount)
    case .unsupported, .refused: self = .gone
    }
  }

  init(_ error: RegionError) {
    switch error.code {
    case .inUse(let byteCount): self = .inUse(byteCount: byteCount)
    case .registered: self = .registered
    case .badSize, .system, .seal, .notShared, .tooMany: self = .noRegion
    }
  }
}

extension QueueModel.Account {
  init(_ accounts: BufferAccounts) {
    self.init(
      registeredByteCount: accounts.registeredByteCount, ownedByteCount: accounts.ownedByteCount,
      inFlightByteCount: accounts.inFlightByteCount, inFlightBufferCount: accounts.inFlightBufferCount,
      atPeerByteCount: accounts.atPeerByteCount, atPeerBufferCount: accounts.atPeerBufferCount)
  }
}

/// Buffers of a region of their own that take up room in a burst, so that a queue is asked for fewer than 32.
final class Fillers {
  private var burst = Burst()
  private var region: Region?

  /// Puts fillers into an empty burst until only `room` places are left.
  func fill(_ other: inout Burst, leaving room: Int) {
    guard room < Burst.capacity else { return }
    if region == nil { make() }
    while other.room > room, let buffer = burst.popFirst() { other.append(buffer) }
  }

  /// Takes them out of the front again.
  func takeBack(from other: inout Burst, leaving room: Int) {
    for _ in 0..<max(0, Burst.capacity - room) {
      if let buffer = other.popFirst() { burst.append(buffer) }
    }
  }

  private func make() {
    guard let region = try? Region(byteCount: Burst.capacity) else { return }
    while burst.room > 0, let buffer = region.buffer(byteCount: 1, alignment: 1) { burst.append(buffer) }
    self.region = consume region
  }

  deinit { burst.releaseAll() }
}
