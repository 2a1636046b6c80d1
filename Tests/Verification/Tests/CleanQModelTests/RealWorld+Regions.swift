import CleanQ
import CleanQModel
import TestSupport

// Steps with regions.

extension RealWorld where Q: ~Copyable {
  func makeRegion(_ number: Int, _ byteCount: Int) -> Outcome {
    guard let region = try? Region(byteCount: byteCount) else { return .refused(.noRegion) }
    // Never used again: neither this id, nor an earlier generation of its slot.
    for old in names.keys where old.slot == region.id.slot && old.generation >= region.id.generation {
      return .refused(.notRegistered)
    }
    names[region.id] = QueueModel.RegionID(slot: number, generation: names.count)
    regions[number] = Box(region)
    return .done
  }

  /// Ties a new region's id to the model's.
  func name(region number: Int, _ id: QueueModel.RegionID) {
    if let real = regions[number]?.value?.id { names[real] = id }
  }

  func release(_ number: Int) -> Outcome {
    guard let box = regions[number] else { return .impossible }
    guard let refused = box.take().release() else {
      regions[number] = nil
      return .done
    }
    let objection = Objection(refused.reason)
    box.value = refused.take()
    return .refused(objection)
  }

  func register(_ agent: Agent, _ number: Int) -> Outcome {
    guard let box = regions[number] else { return .impossible }
    var region: Region? = box.take()
    let outcome = with(agent) { end -> Outcome in
      guard let lent = region.take() else { return .impossible }
      var outcome = Outcome.done
      do throws(QueueError) { try end.register(lent) } catch { outcome = .refused(Objection(error)) }
      region = consume lent
      return outcome
    }
    box.value = region.take()
    return outcome
  }

  func deregister(_ agent: Agent, _ number: Int) -> Outcome {
    guard let box = regions[number] else { return .impossible }
    var region: Region? = box.take()
    let outcome = with(agent) { end -> Outcome in
      guard let lent = region.take() else { return .impossible }
      var outcome = Outcome.done
      do throws(QueueError) { try end.deregister(lent) } catch { outcome = .refused(Objection(error)) }
      region = consume lent
      return outcome
    }
    box.value = region.take()
    return outcome
  }

  func carve(_ number: Int, _ byteCount: Int) -> Outcome {
    guard let buffer = regions[number]?.value?.buffer(byteCount: byteCount, alignment: 1) else { return .taken(0) }
    hands[ModelWorld.keepers[number]]?.append(Box(buffer))
    return .taken(1)
  }

  func bringHome(_ agent: Agent, _ index: Int) -> Outcome {
    let place = self.place(agent, index)
    hands[agent]?.remove(at: place).take().release()
    return .done
  }
}
