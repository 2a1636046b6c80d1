internal import Synchronization

/// Every region of the process, by slot. Buffers that go out of scope find their region here.
public enum RegionDirectory {
  /// How many regions a process can have at a time.
  public static let capacity = 64

  private struct Slot {
    var generation: UInt64 = 0
    var control: RegionControl?
  }

  private static let slots = Mutex([Slot](repeating: Slot(), count: capacity))

  /// Maps memory and enters it under an id that was never used before.
  static func make(byteCount: Int, backing: RegionBacking, pages: RegionPages) throws(RegionError) -> RegionControl {
    var mapping: RegionMapping? = try RegionMapping(byteCount: byteCount, backing: backing, pages: pages)
    let control = slots.withLock { slots -> RegionControl? in
      guard let slot = slots.firstIndex(where: { $0.control == nil }), let mapping = mapping.take() else { return nil }
      slots[slot].generation += 1
      let id = RegionID(slot: slot, generation: slots[slot].generation)
      let control = RegionControl(id: id, byteCount: byteCount, mapping: mapping)
      slots[slot].control = control
      return control
    }
    guard let control else { throw RegionError(.tooMany) }
    return control
  }

  /// The region with exactly this id, generation included.
  static func control(of id: RegionID) -> RegionControl? {
    guard id.slot < capacity else { return nil }
    return slots.withLock { slots in
      guard let control = slots[id.slot].control, control.id == id else { return nil }
      return control
    }
  }

  /// Ends the directory's hold on a region: its id names nothing from now on.
  static func retire(_ id: RegionID) {
    // The control is returned out of the lock, so that unmapping, where it was the last holder, happens outside.
    let retired = slots.withLock { slots -> RegionControl? in
      guard slots[id.slot].control?.id == id else { return nil }
      return slots[id.slot].control.take()
    }
    _ = retired
  }
}
