internal import CUring
internal import CleanQ
internal import Glibc

/// Why there is no io_uring.
struct UringRefusal: Error {
  let reason: String
  let errno: Int32
}

/// io_uring as one system call for many reads and writes.
///
/// Every request carries RWF_NOWAIT: the kernel carries it out at once, in the order of the queue, inside io_uring_enter,
/// or answers that it would have to wait. So frames stay in the order in which the kernel queued them, nothing is under way
/// between two calls, closing needs no cancellation, and any thread may make the next call. Waiting for a frame is the
/// business of ``TAPWaker``.
///
/// Reads that wait in the kernel are slower and worse. Every frame wakes all of them, which with 128 costs a ping-pong three
/// quarters of its rate; and after 128 vain wake-ups the kernel hands a read to a worker thread (`io_arm_poll_handler`,
/// APOLL_MAX_RETRY in io_uring/poll.c), where it takes frames out of turn.
///
/// Needs Linux 6.4, where the TAP driver learned RWF_NOWAIT. Source: io_uring(7), io_uring_enter(2).
@safe
struct UringTransport: ~Copyable, @unchecked Sendable {
  /// Submission entries; a batch is at most this long.
  static let entryCount = 128

  private let ring: UnsafeMutablePointer<io_uring>

  /// Makes a ring for a file that is not yet attached to a device, and tries it out.
  init(file: Int32) throws(UringRefusal) { unsafe ring = try Self.makeRing(file) }

  private static func makeRing(_ file: Int32) throws(UringRefusal) -> UnsafeMutablePointer<io_uring> {
    let ring = UnsafeMutablePointer<io_uring>.allocate(capacity: 1)
    unsafe ring.initialize(to: io_uring())
    // SAFETY: the ring is a fresh allocation that only this call knows.
    let result = unsafe io_uring_queue_init(UInt32(Self.entryCount), ring, UInt32(IORING_SETUP_SUBMIT_ALL))
    if result < 0 {
      unsafe ring.deallocate()
      throw UringRefusal(reason: systemErrorText(-result), errno: -result)
    }
    var registered = file
    let number = unsafe io_uring_register_files(ring, &registered, 1)
    let refusal = number < 0 ? UringRefusal(reason: systemErrorText(-number), errno: -number) : unsafe tryOut(ring)
    guard let refusal else { return unsafe ring }
    unsafe close(ring)
    throw refusal
  }

  deinit { unsafe Self.close(ring) }

  private static func close(_ ring: UnsafeMutablePointer<io_uring>) {
    // SAFETY: nothing is under way, and the ring is not used again. The file is let go first and by itself: the kernel
    // takes a ring apart later and in the background, and would keep the device until then.
    _ = unsafe io_uring_unregister_files(ring)
    unsafe io_uring_queue_exit(ring)
    unsafe ring.deallocate()
  }

  /// Reads once from the file, which has no device yet: EBADFD says that the driver got as far as looking for it.
  private static func tryOut(_ ring: UnsafeMutablePointer<io_uring>) -> UringRefusal? {
    var byte: UInt8 = 0
    // SAFETY: the byte lives through the closure, and the read is answered before it ends.
    let result = unsafe withUnsafeMutablePointer(to: &byte) { address -> Int32 in
      guard let entry = unsafe io_uring_get_sqe(ring) else { return -EAGAIN }
      unsafe prepare(entry, IORING_OP_READ, address, 1, token: 0)
      var answer: UnsafeMutablePointer<io_uring_cqe>?
      let submitted = unsafe io_uring_submit(ring)
      guard submitted == 1, unsafe io_uring_wait_cqe(ring, &answer) == 0, let answer = unsafe answer else {
        return submitted < 0 ? submitted : -EAGAIN
      }
      let result = unsafe answer.pointee.res
      unsafe io_uring_cq_advance(ring, 1)
      return result
    }
    if result == -EBADFD { return nil }
    if result == -EOPNOTSUPP {
      return UringRefusal(reason: "TAP devices need Linux 6.4 for it", errno: EOPNOTSUPP)
    }
    return UringRefusal(reason: "a trial read gave \(result)", errno: result < 0 ? -result : 0)
  }

  /// Fills a submission entry for the registered file.
  private static func prepare(
    _ entry: UnsafeMutablePointer<io_uring_sqe>, _ operation: io_uring_op, _ address: UnsafeRawPointer, _ count: UInt32,
    token: UInt64
  ) {
    unsafe io_uring_prep_rw(Int32(operation.rawValue), entry, 0, address, count, 0)
    unsafe entry.pointee.flags = UInt8(1 << IOSQE_FIXED_FILE_BIT)
    unsafe entry.pointee.rw_flags = RWF_NOWAIT
    unsafe entry.pointee.user_data = token
  }

  /// Carries out the batch with one system call, or answers less of it where the kernel has no memory for requests.
  func perform(_ batch: inout IOBatch) {
    precondition(batch.count <= Self.entryCount, "the batch is longer than the submission queue")
    for index in 0..<batch.count {
      // SAFETY: the queue is empty between two calls and as long as the longest batch.
      guard let entry = unsafe io_uring_get_sqe(ring) else { break }
      let operation = batch[index]
      let code =
        switch operation.kind {
        case .read: IORING_OP_READ
        case .write: IORING_OP_WRITE
        case .gather: IORING_OP_WRITEV
        }
      // SAFETY: the maker of the batch owns the memory until it is answered.
      unsafe Self.prepare(entry, code, operation.address, operation.count, token: batch.token(index))
    }
    let submitted = submit(&batch)
    var answered = 0
    while answered < submitted {
      answered &+= reap(&batch)
      // The kernel answers these requests before it returns; later kernels may not, so they are waited for.
      if answered < submitted { wait(&batch) }
    }
  }

  /// - Returns: how many of the entries the kernel took; the others are taken back.
  private func submit(_ batch: inout IOBatch) -> Int {
    while true {
      batch.systemCallCount &+= 1
      // SAFETY: the entries are filled.
      let result = unsafe io_uring_submit(ring)
      if result == -EINTR { continue }
      if Int(result) != batch.count {
        // SAFETY: without a polling kernel thread the queue is looked at in io_uring_enter only, so it can be emptied.
        unsafe ring.pointee.sq.ktail.pointee = ring.pointee.sq.khead.pointee
        unsafe ring.pointee.sq.sqe_head = ring.pointee.sq.khead.pointee
        unsafe ring.pointee.sq.sqe_tail = ring.pointee.sq.khead.pointee
      }
      return max(0, Int(result))
    }
  }

  /// Takes the answers that are there.
  ///
  /// - Returns: how many belonged to this batch.
  private func reap(_ batch: inout IOBatch) -> Int {
    // SAFETY: the acquiring load of the tail inside `io_uring_cq_ready` pairs with the kernel's release; entries before it
    // are written. Each is read once.
    let ready = unsafe io_uring_cq_ready(ring)
    let head = unsafe ring.pointee.cq.khead.pointee
    var answered = 0
    for offset in 0..<ready {
      let entry = unsafe ring.pointee.cq.cqes[Int((head &+ offset) & ring.pointee.cq.ring_mask)]
      if batch.answer(entry.user_data, entry.res) { answered &+= 1 }
    }
    unsafe io_uring_cq_advance(ring, ready)
    return answered
  }

  private func wait(_ batch: inout IOBatch) {
    batch.systemCallCount &+= 1
    var answer: UnsafeMutablePointer<io_uring_cqe>?
    let result = unsafe io_uring_wait_cqe(ring, &answer)
    // To go on would leave memory in the kernel's hands that somebody else owns.
    precondition(result == 0 || result == -EINTR, "the ring's file was closed by somebody else: \(result)")
  }
}
