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
struct PortSetUp {
  @usableFromInline typealias Pointer = UnsafeMutableRawPointer

  @usableFromInline let register: (Pointer, borrowing Region) throws(QueueError) -> Void
  @usableFromInline let deregister: (Pointer, borrowing Region) throws(QueueError) -> Void
  @usableFromInline let control: (Pointer, ControlRequest) throws(QueueError) -> Void
  @usableFromInline let capabilities: (Pointer) -> PortCapabilities
  @usableFromInline let sleep: (Pointer, SleepStep) -> Readiness
  @usableFromInline let report: (Pointer, inout PortReport) -> Void
  @usableFromInline let destroy: (Pointer) -> Void

  @inlinable
  init<P: Port & ~Copyable>(of type: P.Type) {
    unsafe register = { (port, region) throws(QueueError) in
      try unsafe port.assumingMemoryBound(to: P.self).pointee.register(region)
    }
    unsafe deregister = { (port, region) throws(QueueError) in
      try unsafe port.assumingMemoryBound(to: P.self).pointee.deregister(region)
    }
    unsafe control = { (port, request) throws(QueueError) in
      try unsafe port.assumingMemoryBound(to: P.self).pointee.control(request)
    }
    unsafe capabilities = { unsafe $0.assumingMemoryBound(to: P.self).pointee.capabilities }
    unsafe sleep = { unsafe $0.assumingMemoryBound(to: P.self).pointee.sleep($1) }
    unsafe report = { unsafe $0.assumingMemoryBound(to: P.self).pointee.report(into: &$1) }
    unsafe destroy = {
      let port = unsafe $0.assumingMemoryBound(to: P.self)
      unsafe endLifetime(of: port.move())
      unsafe port.deallocate()
    }
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
