import CPlatform
import CleanQ
import CleanQConformance
import Glibc
import Synchronization
import TestSupport

@testable import CleanQVirtio

/// A virtio device that lies, behind one queue of a port.
struct VirtioLiar: HostilePeer, ~Copyable {
  typealias Subject = PortSubject<VirtioNetPort>

  private let side: PortSide
  private let model: ModelDevice
  private var taken: [ModelChain] = []
  private var last: ModelChain?

  init(_ side: PortSide, _ model: ModelDevice) {
    self.side = side
    self.model = model
  }

  /// Empty buffers wait in the port for the device's return; those of packets come out.
  static var returnsWhenVanished: Bool { false }

  private var queue: (any ModelQueue)? { model.queues[side == .receive ? 0 : 1] }

  mutating func work(_ count: Int, for subject: inout Subject) {
    guard let queue else {
      taken = []
      return
    }
    var left = count
    while left > 0, let chain = next(queue) {
      finish(chain, queue)
      left -= 1
    }
  }

  private mutating func next(_ queue: any ModelQueue) -> ModelChain? {
    taken.isEmpty ? queue.take() : taken.removeFirst()
  }

  private mutating func finish(_ chain: ModelChain, _ queue: any ModelQueue) {
    last = chain
    guard side == .receive else { return queue.use(chain, byteCount: 0) }
    let packet = [UInt8](repeating: 0, count: 10) + [1, 0] + Rig.frame(1)
    let first = chain.parts[0]
    guard first.byteCount >= packet.count, unsafe model.pointer(first.address, packet.count) != nil else {
      return queue.use(chain, byteCount: 0)
    }
    model.write(packet, to: chain)
    queue.use(chain, byteCount: packet.count)
  }

  mutating func act(_ act: HostileAct, choice: UInt64, on subject: inout Subject) -> HostileOutcome {
    guard let queue, !subject.port.port.session.isBroken() else { return .impossible }
    // What came home from the device before comes out first, and nobody looks at the ring meanwhile.
    guard subject.port.port.returning.isEmpty else { return .impossible }
    let outstanding = subject.outstanding(side)
    switch act {
    case .handBackTwice:
      guard let last, outstanding > 0, !subject.isLent(last.id, side) else { return .impossible }
      queue.forge(id: UInt32(last.id), byteCount: 0)
    case .nameNothing:
      guard outstanding > 0 else { return .impossible }
      queue.forge(id: 64 + UInt32(choice % 60_000), byteCount: 0)
    case .nameUnlent:
      guard outstanding > 0, let id = (0..<64).first(where: { !subject.isLent(UInt16($0), side) }) else {
        return .impossible
      }
      queue.forge(id: UInt32(id), byteCount: 0)
    case .overstateLength:
      guard side == .receive, let chain = next(queue) else { return .impossible }
      queue.forge(id: UInt32(chain.id), byteCount: UInt32(2048 + choice % 1000))
    case .jump:
      queue.jump(by: 1000 + Int(choice % 50_000))
      // In a packed ring there is no index: it says of everything that is lent that it is used, which may be.
      return queue is ModelSplitQueue ? .noticeable : .done
    case .flood:
      guard outstanding > 0 else { return .impossible }
      for index in 0..<outstanding { queue.forge(id: 1000 + UInt32(index), byteCount: 0) }
    case .scribble:
      var random = SeededGenerator(seed: choice)
      queue.scribble(&random)
      return .done
    }
    return .noticeable
  }

  mutating func interfere(with subject: inout Subject, seed: UInt64, during body: (inout Subject) -> Void) {
    let model = model
    let isDone = Flag()
    let index = side == .receive ? 0 : 1
    let box = QueueBox(model.queues[index])
    let thread = LittleThread {
      var random = SeededGenerator(seed: seed)
      while !isDone.isSet, let queue = box.queue {
        for _ in 0..<64 {
          // Mostly plausible: where a device writes, ids of the queue and some beyond, one more than is used, lengths about
          // right.
          let value = random.next()
          let count = value >> 60 == 0 ? queue.wordCount : queue.usedWordCount
          queue.scribbleWord(Int(value % UInt64(count)), UInt32(truncatingIfNeeded: value >> 33) & 0x7F)
        }
      }
    }
    // The model keeps the rings mapped for as long as the port is joined, and here it stays so: a broken queue is left no
    // sooner than the port's next look, so that look must not come before the thread has ended.
    let held = model.holdResets()
    thread.start()
    body(&subject)
    isDone.set()
    thread.join()
    held()
  }

  func noticedCount(by subject: borrowing Subject) -> UInt64 {
    let reports = subject.port.port.report().stages
    let names = ["bad-id", "not-in-flight", "too-long", "index-jump", "truncated", "bad-buffer-count"]
    return (reports[0].drops + reports[0].counters).reduce(0) { names.contains($1.name) ? $0 + $1.value : $0 }
  }

  mutating func vanish(from subject: inout Subject) { model.presence.vanish() }

  mutating func prepare(_ buffer: inout Buffer) {
    if side == .transmit { _ = buffer.setValid(offset: 50, byteCount: 60) }
  }
}

final class Flag: Sendable {
  private let value = Atomic<Bool>(false)
  var isSet: Bool { value.load(ordering: .relaxed) }
  func set() { value.store(true, ordering: .relaxed) }
}

extension PortSubject where P == VirtioNetPort {
  /// Whether the queue's private account says that an id is with the device.
  func isLent(_ id: UInt16, _ side: PortSide) -> Bool {
    ledger(side) { $0.chains.entry(UInt32(id))?.isHead ?? false }
  }

  func outstanding(_ side: PortSide) -> Int { ledger(side) { $0.chains.chainCount } }

  private func ledger<Result>(_ side: PortSide, _ body: (borrowing VirtqueueLedger) -> Result) -> Result {
    switch port.port.session.split {
    case .some(let pair): return side == .receive ? body(pair.receiving.ledger) : body(pair.transmitting.ledger)
    case .none: break
    }
    switch port.port.session.packed {
    case .some(let pair): return side == .receive ? body(pair.receiving.ledger) : body(pair.transmitting.ledger)
    case .none: preconditionFailure("the port is not joined")
    }
  }
}
