import CleanQ
import CleanQModel
import TestSupport

/// A real queue with its regions and the buffers in each agent's hand: does the steps of a trace as the model does.
final class RealWorld<Q: TestedQueue & ~Copyable> {
  private var ends: Ends<Q>
  /// The region that each number of a trace means at the moment.
  var regions: [Box<Region>?] = [nil, nil]
  var hands: [Agent: [Box<Buffer>]] = [.x: [], .y: []]
  /// The model's names of the real regions, dead ones included.
  var names: [RegionID: QueueModel.RegionID] = [:]
  let fillers = Fillers()

  /// Whether buffers in flight at the end must come home in good order. A ring's do; a loopback's go out of scope.
  private let countsLeaks: Bool

  init(_ ends: consuming Ends<Q>) {
    countsLeaks = ends.y != nil
    self.ends = ends
  }

  /// What one agent has in hand, in the model's words.
  func hand(of agent: Agent) -> [QueueModel.Buffer] {
    hands[agent, default: []].map { described($0.value?.name) }
  }

  private static var nowhere: QueueModel.Buffer {
    QueueModel.Buffer(region: QueueModel.RegionID(slot: -1, generation: -1), offset: 0, byteCount: 0)
  }

  private func described(_ name: Descriptor?) -> QueueModel.Buffer {
    var buffer = Self.nowhere
    guard let name else { return buffer }
    buffer.region = names[name.region] ?? buffer.region
    buffer.offset = name.offset
    buffer.byteCount = UInt64(name.byteCount)
    buffer.validOffset = UInt64(name.validOffset)
    buffer.validByteCount = UInt64(name.validByteCount)
    buffer.isLast = name.flags.contains(.last)
    buffer.isMarked = name.flags.contains(.reply)
    return buffer
  }

  /// The real region behind a number: bytes and buffers that live, registrations, leakedBuffers.
  func regionState(_ number: Int) -> [Int]? {
    guard let box = regions[number], box.value != nil else { return nil }
    let region = box.take()
    // A queue without ends has gone, and may have left what was in flight to the buffers' deinit.
    let leakedBuffers = countsLeaks || ends.x != nil ? region.leakedBufferCount : 0
    let state = [region.liveByteCount, region.liveBufferCount, region.registrationCount, leakedBuffers]
    box.value = consume region
    return state
  }

  /// The accounts of an open end; nil of a closed one.
  func accounts(of agent: Agent) -> BufferAccounts? {
    switch agent {
    case .x: ends.x?.accounts()
    case .y: ends.y?.accounts()
    }
  }

  func isCalled(_ agent: Agent) -> Bool {
    switch agent {
    case .x: ends.x?.isCalled ?? false
    case .y: ends.y?.isCalled ?? false
    }
  }

  /// Uses an open end. The model has said that it is open.
  func with<Result: ~Copyable>(_ agent: Agent, _ body: (inout Q) -> Result) -> Result {
    switch agent {
    case .x:
      guard var end = ends.x.take() else { preconditionFailure("end X is closed") }
      let result = body(&end)
      ends.x = consume end
      return result
    case .y:
      guard var end = ends.y.take() else { preconditionFailure("end Y is closed") }
      let result = body(&end)
      ends.y = consume end
      return result
    }
  }

  /// The place in the hand that a step means.
  func place(_ agent: Agent, _ place: Int) -> Int { place % (hands[agent]?.count ?? 1) }

  func box(_ agent: Agent, _ index: Int) -> Box<Buffer> {
    guard let box = hands[agent]?[place(agent, index)] else { preconditionFailure("the hand is empty") }
    return box
  }
}

extension RealWorld where Q: ~Copyable {
  /// Does one step. The model has said that it is possible.
  func perform(_ operation: Operation, byteCount regionByteCount: Int) -> Outcome {
    switch operation {
    case .makeRegion(let number): makeRegion(number, regionByteCount)
    case .releaseRegion(let number): release(number)
    case .register(let agent, let number): register(agent, number)
    case .deregister(let agent, let number): deregister(agent, number)
    case .carve(let number, let byteCount): carve(number, byteCount)
    case .bringHome(let agent, let index): bringHome(agent, index)
    case .setLast(let agent, let index, let isLast): setLast(agent, index, isLast)
    case .setValid(let agent, let index, let from, let to): setValid(agent, index, from, to)
    case .split(let agent, let index, let position): split(agent, index, position)
    case .merge(let agent, let index, let next): merge(agent, index, next)
    case .enqueue(let agent, let index): enqueue(agent, index)
    case .enqueueBurst(let agent, let count): enqueueBurst(agent, count)
    case .dequeue(let agent): dequeue(agent)
    case .dequeueBurst(let agent, let room): dequeueBurst(agent, room)
    case .notify(let agent): notify(agent)
    case .fallAsleep(let agent): .slept(with(agent) { $0.fallAsleep() })
    case .wake(let agent): wake(agent)
    case .destroy(let agent): destroy(agent)
    }
  }

  private func notify(_ agent: Agent) -> Outcome {
    with(agent) { $0.notify() }
    return .done
  }

  private func wake(_ agent: Agent) -> Outcome {
    with(agent) { $0.wake() }
    return .done
  }

  private func destroy(_ agent: Agent) -> Outcome {
    let end: Q? = agent == .x ? ends.x.take() : ends.y.take()
    guard let end else { preconditionFailure("the end is closed") }
    return .closed(QueueModel.Account(end.destroy()))
  }
}
