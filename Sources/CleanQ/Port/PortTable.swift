// The calls of a port whose type is known where these are made. None of the closures captures anything.

// SAFETY, for every closure in this file: the pointer is that of an initialised `P`, to which the caller has exclusive access.

/// The calls that are made per burst.
@safe
@frozen
@usableFromInline
struct PortTraffic {
  @usableFromInline let refusal: (UnsafeMutableRawPointer, RegionID) -> Refusal?
  @usableFromInline let fill: (UnsafeMutableRawPointer, inout Burst) -> Refusal?
  @usableFromInline let receive: (UnsafeMutableRawPointer, inout Burst) -> Void
  @usableFromInline let transmit: (UnsafeMutableRawPointer, inout Burst) -> Refusal?
  @usableFromInline let complete: (UnsafeMutableRawPointer, inout Burst) -> Void
  @usableFromInline let notify: (UnsafeMutableRawPointer) -> Void

  @inlinable
  init<P: Port & ~Copyable>(of type: P.Type) {
    unsafe refusal = { unsafe $0.assumingMemoryBound(to: P.self).pointee.refusal(of: $1) }
    unsafe fill = { unsafe $0.assumingMemoryBound(to: P.self).pointee.fill(&$1) }
    unsafe receive = { unsafe $0.assumingMemoryBound(to: P.self).pointee.receive(into: &$1) }
    unsafe transmit = { unsafe $0.assumingMemoryBound(to: P.self).pointee.transmit(&$1) }
    unsafe complete = { unsafe $0.assumingMemoryBound(to: P.self).pointee.complete(into: &$1) }
    unsafe notify = { unsafe $0.assumingMemoryBound(to: P.self).pointee.notify() }
  }
}

/// The calls that are made at set-up, when time passes and at the end.
@safe
@usableFromInline
final class PortSetUp {
  @usableFromInline typealias Pointer = UnsafeMutableRawPointer

  let register: (Pointer, borrowing Region) -> Result<Void, QueueError>
  let deregister: (Pointer, borrowing Region) -> Result<Void, QueueError>
  let control: (Pointer, ControlRequest) -> Result<ControlReply, QueueError>
  let advance: (Pointer, MonotonicTime) -> MonotonicTime
  let arm: (Pointer) -> Bool
  let disarm: (Pointer) -> Void
  let addWakeFileDescriptors: (Pointer, inout [Int32]) -> Void
  let quiesce: (Pointer) -> Void
  let endTransmission: (Pointer) -> Void
  let isExhausted: (Pointer) -> Bool
  let wanted: (Pointer) -> WantedMemory
  let accounts: (Pointer) -> BufferAccounts
  let report: (Pointer, inout [StageReport]) -> Void
  let destroy: (Pointer) -> Void

  @usableFromInline
  init(
    register: @escaping (Pointer, borrowing Region) -> Result<Void, QueueError>,
    deregister: @escaping (Pointer, borrowing Region) -> Result<Void, QueueError>,
    control: @escaping (Pointer, ControlRequest) -> Result<ControlReply, QueueError>,
    advance: @escaping (Pointer, MonotonicTime) -> MonotonicTime,
    arm: @escaping (Pointer) -> Bool,
    disarm: @escaping (Pointer) -> Void,
    addWakeFileDescriptors: @escaping (Pointer, inout [Int32]) -> Void,
    quiesce: @escaping (Pointer) -> Void,
    endTransmission: @escaping (Pointer) -> Void,
    isExhausted: @escaping (Pointer) -> Bool,
    wanted: @escaping (Pointer) -> WantedMemory,
    accounts: @escaping (Pointer) -> BufferAccounts,
    report: @escaping (Pointer, inout [StageReport]) -> Void,
    destroy: @escaping (Pointer) -> Void
  ) {
    unsafe self.register = unsafe register
    unsafe self.deregister = unsafe deregister
    unsafe self.control = unsafe control
    unsafe self.advance = unsafe advance
    unsafe self.arm = unsafe arm
    unsafe self.disarm = unsafe disarm
    unsafe self.addWakeFileDescriptors = unsafe addWakeFileDescriptors
    unsafe self.quiesce = unsafe quiesce
    unsafe self.endTransmission = unsafe endTransmission
    unsafe self.isExhausted = unsafe isExhausted
    unsafe self.wanted = unsafe wanted
    unsafe self.accounts = unsafe accounts
    unsafe self.report = unsafe report
    unsafe self.destroy = unsafe destroy
  }

  @inlinable
  convenience init<P: Port & ~Copyable>(of type: P.Type) {
    unsafe self.init(
      register: { pointer, region in
        do throws(QueueError) {
          return .success(try unsafe pointer.assumingMemoryBound(to: P.self).pointee.register(region))
        } catch { return .failure(error) }
      },
      deregister: { pointer, region in
        do throws(QueueError) {
          return .success(try unsafe pointer.assumingMemoryBound(to: P.self).pointee.deregister(region))
        } catch { return .failure(error) }
      },
      control: { pointer, request in
        do throws(QueueError) {
          return .success(try unsafe pointer.assumingMemoryBound(to: P.self).pointee.control(request))
        } catch { return .failure(error) }
      },
      advance: { unsafe $0.assumingMemoryBound(to: P.self).pointee.advance(to: $1) },
      arm: { unsafe $0.assumingMemoryBound(to: P.self).pointee.arm() },
      disarm: { unsafe $0.assumingMemoryBound(to: P.self).pointee.disarm() },
      addWakeFileDescriptors: {
        unsafe $0.assumingMemoryBound(to: P.self).pointee.addWakeFileDescriptors(to: &$1)
      },
      quiesce: { unsafe $0.assumingMemoryBound(to: P.self).pointee.quiesce() },
      endTransmission: { unsafe $0.assumingMemoryBound(to: P.self).pointee.endTransmission() },
      isExhausted: { unsafe $0.assumingMemoryBound(to: P.self).pointee.isExhausted },
      wanted: {
        let port = unsafe $0.assumingMemoryBound(to: P.self)
        return unsafe WantedMemory(
          count: port.pointee.wantedBufferCount, byteCount: port.pointee.wantedBufferByteCount,
          backing: port.pointee.wantedBacking)
      },
      accounts: { unsafe $0.assumingMemoryBound(to: P.self).pointee.accounts() },
      report: { unsafe $0.assumingMemoryBound(to: P.self).pointee.report(into: &$1) },
      destroy: {
        let port = unsafe $0.assumingMemoryBound(to: P.self)
        unsafe endLifetime(of: port.move())
        unsafe port.deallocate()
      })
  }
}

/// What a port says that it wants of the memory of its buffers.
@usableFromInline
struct WantedMemory {
  let count: Int
  let byteCount: Int
  let backing: RegionBacking

  @usableFromInline
  init(count: Int, byteCount: Int, backing: RegionBacking) {
    self.count = count
    self.byteCount = byteCount
    self.backing = backing
  }
}

/// Holds a port in memory of its own, and destroys it.
@safe
@usableFromInline
final class PortOwner {
  @usableFromInline let port: UnsafeMutableRawPointer
  let setUp: PortSetUp

  @usableFromInline
  init(_ port: UnsafeMutableRawPointer, _ setUp: PortSetUp) {
    unsafe self.port = unsafe port
    self.setUp = setUp
  }

  deinit { unsafe setUp.destroy(port) }
}
