import Synchronization
import Testing
import TestSupport

@testable import CleanQ

/// A port that breaks the contract on demand, by making buffers out of descriptors: what a device with a fault, or unsafe
/// code, would do.
@safe
struct ForgingPort: Port, ~Copyable {
  typealias Unit = Frame

  /// What the next call does wrong. One that appends does it once.
  enum Fault {
    case none
    /// Completes the first buffer a second time.
    case twice
    /// Comes up with a buffer that names this.
    case forged(Descriptor)
    /// Takes a buffer and never gives it back.
    case loses
    /// Completes only the first so many bytes of the first buffer.
    case part(Int)
    /// Gives back what it does not take in reverse order.
    case reversesRest
    /// Takes so many buffers and says that it took all.
    case hidesRest(taken: Int)
    /// Takes so many and says that it is full, wherever a run ends.
    case takes(Int)
    /// Takes buffers of any region.
    case takesUnknown
    /// Sends one of the caller's buffers home while appending.
    case swallows
    /// Deregisters whatever is below.
    case deregistersEarly
  }

  var fault = Fault.none
  /// What is added to the accounts.
  var inventedByteCount = 0
  var table = RegionTable()
  /// First in, first out, whatever it came by.
  var held: [Descriptor] = []
  var base: UnsafeMutableRawPointer?

  init() {}

  mutating func register(_ region: borrowing Region) throws(QueueError) {
    try table.insert(region)
    unsafe base = region.control.mapping.base
  }

  mutating func deregister(_ region: borrowing Region) throws(QueueError) {
    let elsewhere = held.reduce(0) { $0 + Int($1.byteCount) }
    if case .deregistersEarly = fault {
    } else if elsewhere > 0 {
      throw QueueError(.elsewhere(byteCount: elsewhere))
    }
    try table.remove(region.id)
  }

  func refusal(of region: RegionID) -> Refusal? { table.contains(region) ? nil : .unknownRegion }

  mutating func fill(_ freeBuffers: inout Burst) -> Refusal? { take(&freeBuffers) }

  mutating func transmit(_ filled: inout Burst) -> Refusal? { take(&filled) }

  mutating func receive(into filled: inout Burst) { give(&filled) }

  mutating func complete(into sent: inout Burst) { give(&sent) }

  private mutating func take(_ burst: inout Burst) -> Refusal? {
    var limit = Int.max
    var takesUnknown = false
    switch fault {
    case .reversesRest: limit = 0
    case .hidesRest(let taken), .takes(let taken): limit = taken
    case .takesUnknown: takesUnknown = true
    default: break
    }
    while limit > 0, !burst.isEmpty, takesUnknown || table.contains(burst[0].region), let buffer = burst.popFirst() {
      held.append(buffer.intoDescriptor())
      limit -= 1
    }
    if case .loses = fault { held.removeLast() }
    if case .hidesRest = fault { return nil }
    if case .reversesRest = fault { reverse(&burst) }
    if burst.isEmpty { return nil }
    return table.contains(burst[0].region) ? .full : .unknownRegion
  }

  private func reverse(_ burst: inout Burst) {
    let names = (0..<burst.count).map { burst[$0].name }
    while let buffer = burst.popFirst() { _ = buffer.intoDescriptor() }
    for name in names.reversed() { burst.append(forge(name)) }
  }

  private mutating func give(_ burst: inout Burst) {
    if case .swallows = fault, let buffer = burst.popFirst() { held.append(buffer.intoDescriptor()) }
    if case .part(let byteCount) = fault {
      held[0].byteCount = UInt32(byteCount)
      held[0].validByteCount = 0
      held[0].validOffset = 0
    }
    if case .twice = fault { burst.append(forge(held[0])) }
    if case .forged(let name) = fault { burst.append(forge(name)) }
    while burst.room > 0, !held.isEmpty { burst.append(forge(held.removeFirst())) }
    fault = .none
  }

  /// SAFETY: none; that is the point. The tests never touch the bytes of such a buffer.
  private func forge(_ name: Descriptor) -> Buffer {
    guard let base = unsafe base else { preconditionFailure("no region was registered") }
    return unsafe Buffer(base: base, descriptor: name)
  }

  mutating func sleep(_ step: SleepStep) -> Readiness { Readiness() }

  func report(into report: inout PortReport) {
    report.accounts.registeredByteCount = table.byteCount
    report.accounts.atPeerByteCount = held.reduce(inventedByteCount) { $0 + Int($1.byteCount) }
    report.stages.append(StageReport("forger"))
  }
}

/// The violations that a check reported.
final class Violations: Sendable {
  private let list = Mutex<[OwnershipViolation]>([])

  var all: [OwnershipViolation] { list.withLock { $0 } }

  var report: @Sendable (OwnershipViolation) -> Void {
    { violation in self.list.withLock { $0.append(violation) } }
  }
}

/// A checked port on a forging one, with a region.
struct CheckedRig: ~Copyable {
  let region: Region
  var port: CheckedPort<ForgingPort>
  let violations = Violations()

  init(byteCount: Int = 64 * 1024) throws {
    let region = try Region(byteCount: byteCount)
    var port = CheckedPort(on: ForgingPort(), report: violations.report)
    try port.register(region)
    self.region = region
    self.port = port
  }

  func buffers(_ count: Int, byteCount: Int = 2048) throws -> Burst {
    var burst = Burst()
    for _ in 0..<count { burst.append(try take(region.buffer(byteCount: byteCount))) }
    return burst
  }

  var kinds: [OwnershipViolation.Kind] { violations.all.map(\.kind) }
}
