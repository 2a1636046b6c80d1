import CleanQ

/// The two agents. Region 0 is X's to register, region 1 is Y's.
enum Agent: String, CaseIterable {
  case x = "X"
  case y = "Y"
}

/// Both ends of a ring.
struct Ends<End: ~Copyable>: ~Copyable {
  var x: End?
  var y: End?
}

/// One end of a ring that is traced: the shipped calls under one name for each.
protocol TracedEnd: ~Copyable {
  /// What ../oracle.ml calls it.
  static var kind: String { get }
  /// The calls that hand over a burst, and those that take one; how many there are.
  static var offers: [String] { get }
  static var takes: [String] { get }

  static func pair(of slotCount: Int) throws(QueueError) -> Ends<Self>

  mutating func register(_ region: borrowing Region) throws(QueueError)
  mutating func deregister(_ region: borrowing Region) throws(QueueError)
  mutating func offer(_ burst: inout Burst, by call: Int) -> Refusal?
  mutating func take(into burst: inout Burst, by call: Int)
  /// Nil where there is no call for one buffer.
  mutating func offerOne(_ held: Held) -> Result<Refusal?, NoSuchCall>
  mutating func takeOne() -> Result<Held?, NoSuchCall>
  func refusalForetold(of region: RegionID) -> Result<Refusal?, NoSuchCall>
  var exhaustion: Bool? { mutating get }
  mutating func arm() -> Bool
  mutating func disarm()
  func accounts() -> BufferAccounts
}

/// An end that has no such call.
struct NoSuchCall: Error {}

/// A buffer in an agent's hand.
final class Held {
  private var buffer: Buffer?

  init(_ buffer: consuming Buffer) { self.buffer = consume buffer }

  init?(ifAny buffer: consuming Buffer?) {
    guard let buffer else { return nil }
    self.buffer = consume buffer
  }

  func take() -> Buffer {
    guard let buffer = buffer.take() else { preconditionFailure("a buffer is taken twice") }
    return buffer
  }

  func putBack(_ buffer: consuming Buffer) { self.buffer = consume buffer }

  var name: Descriptor {
    guard let name = buffer?.name else { preconditionFailure("a buffer is named after it went") }
    return name
  }

  /// Changes the buffer in place.
  func change<Answer: ~Copyable>(_ body: (inout Buffer) -> Answer) -> Answer {
    var buffer = take()
    let answer = body(&buffer)
    putBack(buffer)
    return answer
  }
}

extension RingQueue: TracedEnd {
  static var kind: String { "queue" }
  static var offers: [String] { ["enqueueBurst"] }
  static var takes: [String] { ["dequeueBurst"] }

  static func pair(of slotCount: Int) throws(QueueError) -> Ends<RingQueue> {
    let pair = try pair(slotCount: slotCount)
    return Ends(x: pair.first, y: pair.second)
  }

  mutating func offer(_ burst: inout Burst, by call: Int) -> Refusal? { enqueue(&burst) }
  mutating func take(into burst: inout Burst, by call: Int) { dequeue(into: &burst) }

  mutating func offerOne(_ held: Held) -> Result<Refusal?, NoSuchCall> {
    guard let refused = enqueue(held.take()) else { return .success(nil) }
    let reason = refused.reason
    held.putBack(refused.take())
    return .success(reason)
  }

  mutating func takeOne() -> Result<Held?, NoSuchCall> {
    guard let buffer = dequeue() else { return .success(nil) }
    return .success(Held(buffer))
  }

  func refusalForetold(of region: RegionID) -> Result<Refusal?, NoSuchCall> { .failure(NoSuchCall()) }
  var exhaustion: Bool? { nil }
}

/// What travels; the ring looks at none of it.
typealias TracedPort = RingPort<Frame>

extension RingPort: TracedEnd {
  static var kind: String { "port" }
  static var offers: [String] { ["transmit", "fill"] }
  static var takes: [String] { ["receive", "complete"] }

  static func pair(of slotCount: Int) throws(QueueError) -> Ends<RingPort> {
    let pair = try pair(slotCount: slotCount)
    return Ends(x: pair.first, y: pair.second)
  }

  mutating func offer(_ burst: inout Burst, by call: Int) -> Refusal? { call == 0 ? transmit(&burst) : fill(&burst) }

  mutating func take(into burst: inout Burst, by call: Int) {
    if call == 0 { receive(into: &burst) } else { complete(into: &burst) }
  }

  mutating func offerOne(_ held: Held) -> Result<Refusal?, NoSuchCall> { .failure(NoSuchCall()) }
  mutating func takeOne() -> Result<Held?, NoSuchCall> { .failure(NoSuchCall()) }
  func refusalForetold(of region: RegionID) -> Result<Refusal?, NoSuchCall> { .success(refusal(of: region)) }
  // Time is nothing to a ring: this asks, and changes nothing.
  var exhaustion: Bool? { mutating get { sleep(.tick(.never)).isExhausted } }
}
