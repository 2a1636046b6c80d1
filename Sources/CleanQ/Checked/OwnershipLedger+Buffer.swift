/// What becomes of a buffer that was checked.
@usableFromInline
enum OwnershipVerdict: UInt8 {
  case pass
  /// Owned rightly, but its valid part or its marks are nonsense: it goes on empty.
  case mend
  /// Goes no further.
  case withhold
  /// Of a region that is not registered; the stage below has to refuse it.
  case unknownRegion
}

extension OwnershipLedger {
  /// Moves one buffer to the other side, if all of it is on this one.
  @inline(__always)
  func pass(_ name: Descriptor, _ call: OwnershipCall, down: Bool) -> OwnershipVerdict {
    guard let account = unsafe regionAccounts.find(name.region) else { return .unknownRegion }
    unsafe operation &+= 1
    guard unsafe isSound(name, regionByteCount: UInt64(truncatingIfNeeded: account.pointee.byteCount)) else {
      return passUnsound(name, call, down: down)
    }
    return unsafe move(name, call, down: down, in: account)
  }

  /// The second half of `pass`, for a buffer that is inside its region.
  @inline(__always)
  private func move(
    _ name: Descriptor, _ call: OwnershipCall, down: Bool, in account: UnsafeMutablePointer<RegionAccount>
  ) -> OwnershipVerdict {
    let start = Int(truncatingIfNeeded: name.offset)
    let byteCount = Int(name.byteCount)
    // SAFETY, here and below: the account is one that `find` gave, and nothing was removed since.
    guard
      unsafe account.pointee.map.move(start..<(start &+ byteCount), down: down)
        || moveReturned(start..<(start &+ byteCount), down: down, in: account)
    else {
      reject(name, call, down: down)
      return .withhold
    }
    unsafe account.pointee.history.append(call, operation: operation, offset: start, byteCount: name.byteCount)
    if unsafe byteCount > longestByteCount { unsafe longestByteCount = byteCount }
    return .pass
  }

  /// Tries again after taking into account what was released on the far side, and may have been carved anew.
  @inline(never)
  private func moveReturned(
    _ range: Range<Int>, down: Bool, in account: UnsafeMutablePointer<RegionAccount>
  ) -> Bool {
    guard unsafe account.pointee.settleReturned() else { return false }
    return unsafe account.pointee.map.move(range, down: down)
  }

  /// Notes on a buffer that has passed on which side it is now.
  @inline(__always)
  func note(_ buffer: inout Buffer, down: Bool) {
    guard let account = unsafe regionAccounts.find(buffer.descriptor.region) else { return }
    let note = unsafe down ? account.pointee.noteDown : account.pointee.noteUp
    buffer.descriptor = buffer.descriptor.noted(note)
  }

  /// The same, for calls from outside the module.
  @usableFromInline
  func noteDown(_ buffer: inout Buffer) { note(&buffer, down: true) }

  @usableFromInline
  func noteUp(_ buffer: inout Buffer) { note(&buffer, down: false) }

  /// Whether ``Descriptor/fault(regionByteCount:)`` finds nothing; in line, since it is asked for each buffer.
  @inline(__always)
  private func isSound(_ name: Descriptor, regionByteCount: UInt64) -> Bool {
    name.byteCount != 0 && name.offset <= regionByteCount && UInt64(name.byteCount) <= regionByteCount &- name.offset
      && name.validOffset <= name.byteCount && name.validByteCount <= name.byteCount &- name.validOffset
      && name.flags.isSubset(of: .all)
  }

  /// A buffer with a fault: moved and to be mended if its bytes are in the region, else withheld.
  @inline(never)
  private func passUnsound(_ name: Descriptor, _ call: OwnershipCall, down: Bool) -> OwnershipVerdict {
    violate(.outOfBounds, call, name)
    guard let account = unsafe regionAccounts.find(name.region) else { return .unknownRegion }
    let fault = unsafe name.fault(regionByteCount: UInt64(account.pointee.byteCount))
    if fault == .empty || fault == .outsideRegion { return .withhold }
    return unsafe move(name, call, down: down, in: account) == .pass ? .mend : .withhold
  }

  /// Says how a buffer is on the wrong side.
  @inline(never)
  private func reject(_ name: Descriptor, _ call: OwnershipCall, down: Bool) {
    guard let account = unsafe regionAccounts.find(name.region) else { return }
    let start = Int(name.offset)
    let end = start + Int(name.byteCount)
    let below = unsafe account.pointee.map.belowByteCount(in: start..<end)
    let wrong = down ? below : end - start - below
    if wrong == end - start {
      violate(down ? .duplicateDown : .duplicateUp, call, name, byteCount: wrong)
    } else {
      violate(down ? .overlapDown : .overlapUp, call, name, byteCount: wrong)
    }
  }

  /// A buffer of any region that is received.
  ///
  /// - Parameter knownByteCount: the bytes of all regions that the stage below knows; asked where the region is new.
  @inline(__always)
  func passUp(_ name: Descriptor, _ call: OwnershipCall, knownByteCount: () -> Int) -> OwnershipVerdict {
    let verdict = pass(name, call, down: false)
    return verdict == .unknownRegion ? passUpUnknown(name, call, knownByteCount: knownByteCount) : verdict
  }

  @inline(never)
  private func passUpUnknown(
    _ name: Descriptor, _ call: OwnershipCall, knownByteCount: () -> Int
  ) -> OwnershipVerdict {
    if adopt(name.region, knownByteCount: knownByteCount()) { return pass(name, call, down: false) }
    violate(.unknownRegion, call, name)
    return .withhold
  }

  /// Opens an account for a region that the other side registered, all bytes of it being below.
  ///
  /// - Returns: false where there is no such region, or the stage below does not know it: with it there would be more bytes
  ///   than are registered.
  private func adopt(_ id: RegionID, knownByteCount: Int) -> Bool {
    guard let region = RegionDirectory.control(of: id) else { return false }
    regionAccounts.removeReturnedAdoptions()
    guard regionAccounts.byteCounts.registered + region.byteCount <= knownByteCount,
      let farSide = try? FarSide(of: region, namesBytes: true)
    else { return false }
    guard let account = RegionAccount(id: id, byteCount: region.byteCount, isAdopted: true, farSide: farSide) else {
      farSide.close(awayByteCount: 0)
      return false
    }
    regionAccounts.insert(account)
    return true
  }
}

// A single buffer of a queue.
extension OwnershipLedger {
  /// Checks a buffer that is about to be enqueued, and moves it.
  @usableFromInline
  func enqueue(_ name: Descriptor) -> OwnershipVerdict {
    let verdict = pass(name, .enqueue, down: true)
    if verdict == .withhold { noteWithheld(1) }
    return verdict
  }

  /// The queue below has taken a buffer of a region that it should not know.
  @usableFromInline
  func noteUnknownTaken(_ name: Descriptor) { violate(.unknownRegion, .enqueue, name) }

  /// Takes back a buffer that the queue did not take.
  ///
  /// - Returns: whether it may go back to the caller.
  @usableFromInline
  func takeBack(_ name: Descriptor, offered: Descriptor) -> Bool {
    if name != offered { violate(.handBackChanged, .enqueue, name) }
    let verdict = passUp(name, .handBack, knownByteCount: { 0 })
    if verdict == .withhold { noteWithheld(1) }
    return verdict == .pass
  }

  /// Checks a buffer that was dequeued, and moves it.
  @usableFromInline
  func dequeued(_ name: Descriptor, knownByteCount: () -> Int) -> OwnershipVerdict {
    let verdict = passUp(name, .dequeue, knownByteCount: knownByteCount)
    if verdict == .withhold { noteWithheld(1) }
    return verdict
  }
}
