internal import CleanQ

/// The loop of one branch, whatever ports it joins: one dynamic call per burst. The fork turns it, on the fork's thread.
///
/// The closures are made where the ports' types are known, and capture nothing, as those of ``AnyPort``.
@safe
@usableFromInline
final class BranchLoop {
  @usableFromInline typealias Pointer = UnsafeMutableRawPointer

  @usableFromInline let junction: Pointer
  @usableFromInline let turn: (Pointer) -> Int
  /// Gives empty buffers to the right port.
  let fillRight: (Pointer, inout Burst) -> Refusal?
  let register: (Pointer, borrowing Region) -> QueueError?
  let deregister: (Pointer, borrowing Region) -> QueueError?
  /// Asks the right port.
  let control: (Pointer, ControlRequest) -> Result<ControlReply, QueueError>
  let advance: (Pointer, MonotonicTime) -> MonotonicTime
  let arm: (Pointer) -> Bool
  let disarm: (Pointer) -> Void
  let addWakeFileDescriptors: (Pointer, inout [Int32]) -> Void
  let quiesce: (Pointer) -> Void
  let isExhausted: (Pointer) -> Bool
  let wanted: (Pointer) -> WantedBuffers
  let accounts: (Pointer) -> BufferAccounts
  let report: (Pointer, inout [StageReport]) -> Void
  private let destroy: (Pointer) -> Void

  /// Takes the two ports over.
  init<Unit: Traffic>(_ left: consuming AnyPort<Unit>, _ right: consuming AnyPort<Unit>) {
    typealias Joined = Junction<AnyPort<Unit>, AnyPort<Unit>>
    let pointer = UnsafeMutablePointer<Joined>.allocate(capacity: 1)
    unsafe pointer.initialize(to: Joined(left, right))
    unsafe junction = Pointer(pointer)
    // SAFETY, for every closure: the pointer is that of the junction, to which the fork, which calls it, has exclusive access.
    unsafe turn = { unsafe $0.assumingMemoryBound(to: Joined.self).pointee.turn() }
    unsafe fillRight = { unsafe $0.assumingMemoryBound(to: Joined.self).pointee.right.fill(&$1) }
    unsafe register = { unsafe $0.assumingMemoryBound(to: Joined.self).pointee.register($1) }
    unsafe deregister = { unsafe $0.assumingMemoryBound(to: Joined.self).pointee.deregister($1) }
    unsafe control = { pointer, request in
      do throws(QueueError) {
        return .success(try unsafe pointer.assumingMemoryBound(to: Joined.self).pointee.right.control(request))
      } catch { return .failure(error) }
    }
    unsafe advance = {
      let joined = unsafe $0.assumingMemoryBound(to: Joined.self)
      return unsafe min(joined.pointee.left.advance(to: $1), joined.pointee.right.advance(to: $1))
    }
    unsafe arm = {
      let joined = unsafe $0.assumingMemoryBound(to: Joined.self)
      // Both, whatever the first says.
      let isLeftIdle = unsafe joined.pointee.left.arm()
      return unsafe joined.pointee.right.arm() && isLeftIdle
    }
    unsafe disarm = {
      let joined = unsafe $0.assumingMemoryBound(to: Joined.self)
      unsafe joined.pointee.left.disarm()
      unsafe joined.pointee.right.disarm()
    }
    unsafe addWakeFileDescriptors = {
      let joined = unsafe $0.assumingMemoryBound(to: Joined.self)
      unsafe joined.pointee.left.addWakeFileDescriptors(to: &$1)
      unsafe joined.pointee.right.addWakeFileDescriptors(to: &$1)
    }
    unsafe quiesce = {
      let joined = unsafe $0.assumingMemoryBound(to: Joined.self)
      unsafe joined.pointee.left.quiesce()
      unsafe joined.pointee.right.quiesce()
    }
    unsafe isExhausted = {
      let joined = unsafe $0.assumingMemoryBound(to: Joined.self)
      return unsafe joined.pointee.left.isExhausted || joined.pointee.right.isExhausted
    }
    unsafe wanted = {
      let joined = unsafe $0.assumingMemoryBound(to: Joined.self)
      let isShared =
        unsafe joined.pointee.left.wantedBacking == .shared || joined.pointee.right.wantedBacking == .shared
      return unsafe WantedBuffers(
        left: joined.pointee.left.wantedBufferCount, right: joined.pointee.right.wantedBufferCount,
        byteCount: max(joined.pointee.left.wantedBufferByteCount, joined.pointee.right.wantedBufferByteCount),
        backing: isShared ? .shared : .anonymous)
    }
    unsafe accounts = {
      let joined = unsafe $0.assumingMemoryBound(to: Joined.self)
      var accounts = unsafe joined.pointee.held()
      unsafe accounts.addHoldings(of: joined.pointee.left.accounts())
      unsafe accounts.addHoldings(of: joined.pointee.right.accounts())
      return accounts
    }
    unsafe report = { pointer, reports in
      let joined = unsafe pointer.assumingMemoryBound(to: Joined.self)
      let start = reports.count
      unsafe joined.pointee.left.report(into: &reports)
      let leftCount = reports.count
      unsafe joined.pointee.right.report(into: &reports)
      let place = max(start, leftCount - 1)
      if place < reports.count { unsafe joined.pointee.addDrops(to: &reports[place]) }
    }
    unsafe destroy = {
      let joined = unsafe $0.assumingMemoryBound(to: Joined.self)
      unsafe endLifetime(of: joined.move())
      unsafe joined.deallocate()
    }
  }

  deinit { unsafe destroy(junction) }
}

extension Junction where Left: ~Copyable, Right: ~Copyable {
  /// Registers a region with both ports, or with none.
  fileprivate mutating func register(_ region: borrowing Region) -> QueueError? {
    do throws(QueueError) { try left.register(region) } catch { return error }
    do throws(QueueError) { try right.register(region) } catch {
      try? left.deregister(region)
      return error
    }
    return nil
  }

  fileprivate mutating func deregister(_ region: borrowing Region) -> QueueError? {
    do throws(QueueError) {
      // The left port says whether anything is left on this side of it.
      try left.deregister(region)
      try right.deregister(region)
      return nil
    } catch { return error }
  }
}
