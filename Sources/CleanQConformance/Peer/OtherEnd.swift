public import CleanQ

/// The second end of a queue, driven by the suite.
public struct OtherEnd<Subject: Queue & ~Copyable, Other: Queue & ~Copyable>: QueuePeer, ~Copyable {
  private var other: Other?
  private var held = Hand()
  /// Singles and bursts take turns.
  private var turn = 0
  /// What this side does with a buffer that it owns, before it hands it over.
  private let use: (inout Buffer) -> Void

  public init(_ other: consuming Other, use: @escaping (inout Buffer) -> Void = { _ in }) {
    self.other = .some(other)
    self.use = use
  }

  public static var kind: PeerKind { .driven }

  public mutating func take(_ count: Int, from subject: inout Subject) -> [Descriptor] {
    var names: [Descriptor] = []
    turn += 1
    if turn.isMultiple(of: 2), count >= Burst.capacity {
      var burst = Burst()
      other?.dequeue(into: &burst)
      while let buffer = burst.popFirst() {
        names.append(buffer.name)
        hold(buffer)
      }
    }
    while names.count < count, let buffer = other?.dequeue() {
      names.append(buffer.name)
      hold(buffer)
    }
    return names
  }

  private mutating func hold(_ buffer: consuming Buffer) {
    use(&buffer)
    held.append(buffer)
  }

  public mutating func giveBack(_ count: Int, to subject: inout Subject) -> Int {
    var given = 0
    while given < count, let length = held.runLength, given + length <= count {
      var burst = Burst()
      for _ in 0..<length { if let buffer = held.popFirst() { burst.append(buffer) } }
      if length == 1, let buffer = burst.popFirst() {
        if let refused = other?.enqueue(buffer) { burst.append(refused.take()) }
      } else {
        _ = other?.enqueue(&burst)
      }
      given += length - burst.count
      if burst.isEmpty { continue }
      held.prepend(contentsOf: &burst)
      break
    }
    return given
  }

  public mutating func notify(_ subject: inout Subject) { other?.notify() }

  public func accounts() -> BufferAccounts? {
    switch other {
    case .some(let other): other.accounts()
    case .none: nil
    }
  }

  public static var hasOwnEnd: Bool { true }

  public mutating func register(_ region: borrowing Region) throws(QueueError) { try other?.register(region) }

  public mutating func deregister(_ region: borrowing Region) throws(QueueError) { try other?.deregister(region) }

  public mutating func hand(_ buffer: consuming Buffer) -> Refused<Buffer, Refusal>? {
    guard other != nil else { return Refused(buffer, .closed) }
    use(&buffer)
    return other?.enqueue(buffer)
  }

  public mutating func bringHome() -> Bool {
    guard let buffer = held.popFirst() else { return false }
    buffer.release()
    return true
  }

  public mutating func passBack() -> Buffer? { held.popFirst() }

  public mutating func split(at position: Int) -> Bool {
    guard var buffer = held.popFirst() else { return false }
    if var rest = buffer.split(at: position) {
      // The suite knows each buffer by its first bytes.
      rest.writeTag()
      held.prepend(rest)
    }
    held.prepend(buffer)
    return true
  }

  public mutating func leave() -> Bool {
    if let other = other.take() { _ = other.destroy() }
    held.releaseAll()
    return true
  }

  public mutating func giveUp(_ isForged: (Descriptor) -> Bool) {
    for _ in 0..<4096 {
      guard let buffer = other?.dequeue() else { break }
      held.append(buffer)
    }
    held.giveUp(isForged)
  }
}

/// The other side of a loopback: part of the queue itself.
public struct BuiltInPeer<Subject: Queue & ~Copyable>: QueuePeer, ~Copyable {
  public init() {}

  public static var kind: PeerKind { .builtIn }

  public mutating func take(_ count: Int, from subject: inout Subject) -> [Descriptor] { [] }

  public mutating func giveBack(_ count: Int, to subject: inout Subject) -> Int { 0 }
}
