import CleanQ
import CleanQModel
import TestSupport

// Steps with buffers.

extension RealWorld where Q: ~Copyable {
  func setLast(_ agent: Agent, _ index: Int, _ isLast: Bool) -> Outcome {
    box(agent, index).value?.flags = isLast ? .last : .reply
    return .done
  }

  func setValid(_ agent: Agent, _ index: Int, _ from: Int, _ to: Int) -> Outcome {
    let box = box(agent, index)
    var buffer = box.take()
    let start = min(from, buffer.byteCount)
    let isDone = buffer.setValid(offset: start, byteCount: min(to, buffer.byteCount) - start)
    box.value = consume buffer
    return isDone ? .done : .refused(.badDescriptor(.validOutsideBuffer))
  }

  func split(_ agent: Agent, _ index: Int, _ position: Int) -> Outcome {
    let box = box(agent, index)
    var buffer = box.take()
    let rest = buffer.split(at: position)
    box.value = consume buffer
    guard let rest else { return .refused(.noSuchCut) }
    let place = self.place(agent, index)
    hands[agent]?.insert(Box(rest), at: place + 1)
    return .done
  }

  func merge(_ agent: Agent, _ index: Int, _ next: Int) -> Outcome {
    let box = box(agent, index)
    let other = self.box(agent, next)
    var buffer = box.take()
    let refused = buffer.merge(other.take())
    box.value = consume buffer
    guard let refused else {
      let place = self.place(agent, next)
      hands[agent]?.remove(at: place)
      return .done
    }
    other.value = consume refused
    return .refused(.notAdjacent)
  }

  func enqueue(_ agent: Agent, _ index: Int) -> Outcome {
    let box = box(agent, index)
    guard let refused = with(agent, { $0.enqueue(box.take()) }) else {
      let place = self.place(agent, index)
      hands[agent]?.remove(at: place)
      return .done
    }
    let objection = Objection(refused.reason)
    box.value = refused.take()
    return .refused(objection)
  }

  func enqueueBurst(_ agent: Agent, _ count: Int) -> Outcome {
    var burst = Burst()
    let count = min(count, hands[agent]?.count ?? 0)
    for box in hands[agent, default: []].prefix(count) { burst.append(box.take()) }
    hands[agent]?.removeFirst(count)
    let refusal = with(agent) { $0.enqueue(&burst) }
    var left: [Box<Buffer>] = []
    while let buffer = burst.popFirst() { left.append(Box(buffer)) }
    hands[agent]?.insert(contentsOf: left, at: 0)
    return refusal.map { .refused(Objection($0)) } ?? .done
  }

  func dequeue(_ agent: Agent) -> Outcome {
    guard let buffer = with(agent, { $0.dequeue() }) else { return .taken(0) }
    hands[agent]?.append(Box(buffer))
    return .taken(1)
  }

  func dequeueBurst(_ agent: Agent, _ room: Int) -> Outcome {
    var burst = Burst()
    fillers.fill(&burst, leaving: room)
    with(agent) { $0.dequeue(into: &burst) }
    fillers.takeBack(from: &burst, leaving: room)
    let count = burst.count
    while let buffer = burst.popFirst() { hands[agent]?.append(Box(buffer)) }
    return .taken(count)
  }
}
