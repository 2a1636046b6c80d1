// A burst that goes down: `handDown`, the call below, `handedDown`.
extension OwnershipLedger {
  /// Checks a burst that is about to be handed down, and moves it.
  @usableFromInline
  func handDown(_ burst: inout Burst, _ call: OwnershipCall) {
    unknown = 0
    beforeCount = burst.count
    var withheld: UInt32 = 0
    for index in 0..<burst.count {
      let name = burst[index].name
      unsafe before[index] = name
      let verdict = pass(name, call, down: true)
      note(&burst[index], down: true)
      if verdict == .pass { continue }
      let bit: UInt32 = 1 &<< UInt32(truncatingIfNeeded: index)
      switch verdict {
      case .unknownRegion: unknown |= bit
      case .withhold: withheld |= bit
      case .mend: unsafe before[index] = burst.mend(index)
      case .pass: break
      }
    }
    if withheld != 0 { withhold(withheld, from: &burst) }
  }

  /// Takes buffers out of the burst and of what is known of it.
  private func withhold(_ selection: UInt32, from burst: inout Burst) {
    burst.forget(selection)
    noteWithheld(selection.nonzeroBitCount)
    unknown = 0
    beforeCount = burst.count
    for index in 0..<burst.count {
      let name = burst[index].name
      unsafe before[index] = name
      if !regionAccounts.contains(name.region) { unknown |= 1 << UInt32(index) }
    }
  }

  /// Takes back what the stage below did not take.
  @usableFromInline
  func handedDown(_ rest: inout Burst, _ call: OwnershipCall, _ refusal: Refusal?) {
    if rest.isEmpty, unknown == 0 { return }
    let taken = beforeCount - rest.count
    if refusal == nil, !rest.isEmpty {
      violate(.handBackUnexplained, call, nil, byteCount: rest.totalByteCount)
    }
    guard taken >= 0, isTail(rest, from: taken) else { return takeBackChanged(&rest, call) }
    for index in 0..<rest.count where unknown & 1 << UInt32(taken + index) == 0 {
      _ = pass(rest[index].name, .handBack, down: false)
      note(&rest[index], down: false)
    }
    for index in 0..<taken where unknown & 1 << UInt32(index) != 0 {
      violate(.unknownRegion, call, unsafe before[index])
    }
    if call != .fill, taken > 0, !rest.isEmpty, unsafe !before[taken - 1].flags.contains(.last) {
      violate(.tornRun, call, unsafe before[taken - 1])
    }
  }

  private func isTail(_ rest: borrowing Burst, from taken: Int) -> Bool {
    for index in 0..<rest.count where unsafe rest[index].name != before[taken + index] { return false }
    return true
  }

  /// Something else came back than the tail of what was offered: each buffer is taken for one that came up.
  private func takeBackChanged(_ rest: inout Burst, _ call: OwnershipCall) {
    violate(.handBackChanged, call, rest.isEmpty ? nil : rest[0].name)
    takeUp(&rest, from: 0, .handBack, knownByteCount: { 0 })
  }
}

// A burst that comes up: `expect`, the call below, `handedUp`.
extension OwnershipLedger {
  /// Remembers what is in a burst before more is appended.
  @usableFromInline
  func expect(_ burst: borrowing Burst) {
    beforeCount = burst.count
    for index in 0..<burst.count { unsafe before[index] = burst[index].name }
  }

  /// Checks what was appended, and moves it.
  ///
  /// - Parameter knownByteCount: the bytes of all regions that the stage below knows; asked where a region is new.
  /// - Returns: the index of the first buffer that came up.
  @usableFromInline
  func handedUp(_ burst: inout Burst, _ call: OwnershipCall, knownByteCount: () -> Int) -> Int {
    var start = beforeCount
    if start > 0, !isUndisturbed(burst) {
      // All that was in the burst counts as handed down, and what is in it now as what came up.
      violate(.burstDisturbed, call, unsafe before[0])
      for index in 0..<start { _ = unsafe pass(before[index], .handBack, down: true) }
      start = 0
    }
    takeUp(&burst, from: start, call, knownByteCount: knownByteCount)
    return start
  }

  private func isUndisturbed(_ burst: borrowing Burst) -> Bool {
    guard burst.count >= beforeCount else { return false }
    for index in 0..<beforeCount where unsafe burst[index].name != before[index] { return false }
    return true
  }

  private func takeUp(_ burst: inout Burst, from start: Int, _ call: OwnershipCall, knownByteCount: () -> Int) {
    var withheld: UInt32 = 0
    for index in start..<burst.count {
      let verdict = passUp(burst[index].name, call, knownByteCount: knownByteCount)
      note(&burst[index], down: false)
      if verdict == .pass { continue }
      if verdict == .mend {
        _ = burst.mend(index)
      } else {
        withheld |= 1 &<< UInt32(truncatingIfNeeded: index)
      }
    }
    guard withheld != 0 else { return }
    burst.forget(withheld)
    noteWithheld(withheld.nonzeroBitCount)
  }
}
