import CleanQConformance

@testable import CleanQ

/// What is wrong with an ``UntrustedQueue``: one missing defence each.
enum UntrustedFault: String, CaseIterable, Sendable {
  case noIDCheck, noInFlightCheck, noLengthCheck, rereadsTheWord, noBoundPerCall, lostOnRejection, lostOnRefusal
  case liesNotCounted, nothingComesHome, censusForgetsTheLent
}

/// What the queue and its device share, and the device may change at any time.
final class UntrustedMemory {
  struct Element {
    var id: Int
    var byteCount: Int
  }

  /// Ids that were lent, in order; those that the device has taken are gone from here.
  var available: [Int] = []
  var used: [Element] = []
  var isGone = false
  /// Called after each read: what is read again may be another.
  var changesAfterRead = false
  var random: UInt64 = 1

  func first() -> Element {
    let element = used[0]
    if changesAfterRead {
      random = random &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
      used[0].id = Int(random >> 33) % 80
    }
    return element
  }
}

/// The smallest queue with a device that is not trusted, correct or with one fault: buffers are lent by id, and come back
/// by elements that the device writes.
struct UntrustedQueue: Queue, ~Copyable {
  static let slotCount = 48

  let memory = UntrustedMemory()
  let fault: UntrustedFault?
  var table = RegionTable()
  var lent = [Descriptor?](repeating: nil, count: UntrustedQueue.slotCount)
  /// What a slot held last, for mutants that give it out again.
  var stale = [Descriptor?](repeating: nil, count: UntrustedQueue.slotCount)
  var lieCount: UInt64 = 0

  init(_ fault: UntrustedFault?) { self.fault = fault }

  deinit { for name in lent { if let name { Self.materialise(name)?.release() } } }

  private static func materialise(_ name: Descriptor) -> Buffer? {
    guard let control = RegionDirectory.control(of: name.region) else { return nil }
    // SAFETY: the slot owned the bytes; a mutant that lies about that is what the suite is for.
    return unsafe Buffer(base: control.mapping.base, descriptor: name)
  }

  mutating func register(_ region: borrowing Region) throws(QueueError) { try table.insert(region) }

  mutating func deregister(_ region: borrowing Region) throws(QueueError) { try table.remove(region.id) }

  mutating func enqueue(_ buffer: consuming Buffer) -> Refused<Buffer, Refusal>? {
    guard let slot = lent.firstIndex(where: { $0 == nil }) else { return Refused(buffer, .full) }
    lent[slot] = buffer.intoDescriptor()
    memory.available.append(slot)
    return nil
  }

  mutating func enqueue(_ burst: inout Burst) -> Refusal? {
    while let buffer = burst.popFirst() {
      guard let refused = enqueue(buffer) else { continue }
      if fault == .lostOnRefusal { refused.take().release() } else { put(refused.take(), inFrontOf: &burst) }
      return .full
    }
    return nil
  }

  private func put(_ buffer: consuming Buffer, inFrontOf burst: inout Burst) {
    let count = burst.count
    burst.append(buffer)
    for _ in 0..<count { if let next = burst.popFirst() { burst.append(next) } }
  }

  mutating func dequeue() -> Buffer? {
    var budget = 1
    return next(&budget)
  }

  mutating func dequeue(into burst: inout Burst) {
    var budget = fault == .noBoundPerCall ? Int.max : Burst.capacity
    while burst.room > 0, let buffer = next(&budget) { burst.append(buffer) }
  }

  private mutating func lie() { if fault != .liesNotCounted { lieCount += 1 } }

  private mutating func next(_ budget: inout Int) -> Buffer? {
    if memory.isGone, fault != .nothingComesHome, let slot = lent.firstIndex(where: { $0 != nil }) {
      return take(slot, byteCount: 0)
    }
    while budget > 0, !memory.used.isEmpty {
      budget -= 1
      let element = memory.first()
      var id = element.id
      if id < 0 || id >= Self.slotCount {
        guard fault == .noIDCheck else {
          lie()
          memory.used.removeFirst()
          continue
        }
        id = abs(id) % Self.slotCount
      }
      if lent[id] == nil, fault != .noInFlightCheck, fault != .noIDCheck {
        lie()
        memory.used.removeFirst()
        continue
      }
      if fault == .rereadsTheWord { id = abs(memory.used[0].id) % Self.slotCount }
      memory.used.removeFirst()
      guard let buffer = take(id, byteCount: element.byteCount) else { continue }
      return buffer
    }
    return nil
  }

  /// Takes a buffer back of which the device says that it wrote so much.
  private mutating func take(_ slot: Int, byteCount: Int) -> Buffer? {
    guard var name = lent[slot] ?? stale[slot] else { return nil }
    stale[slot] = name
    lent[slot] = nil
    name.validOffset = 0
    name.validByteCount = UInt32(byteCount)
    if byteCount > Int(name.byteCount) {
      lie()
      if fault == .lostOnRejection {
        Self.materialise(name.with(validByteCount: 0))?.release()
        return nil
      }
      if fault != .noLengthCheck { name.validByteCount = 0 }
    }
    return Self.materialise(name)
  }

  mutating func notify() {}

  func accounts() -> BufferAccounts {
    var accounts = BufferAccounts()
    accounts.registeredByteCount = table.byteCount
    guard fault != .censusForgetsTheLent else { return accounts }
    for name in lent {
      guard let name else { continue }
      accounts.atPeerByteCount += Int(name.byteCount)
      accounts.atPeerBufferCount += 1
    }
    return accounts
  }
}

extension Descriptor {
  fileprivate func with(validByteCount: UInt32) -> Descriptor {
    var name = self
    name.validByteCount = validByteCount
    return name
  }
}
