internal import CPlatform
internal import CleanQ
internal import Glibc

/// A thread that sleeps until the kernel wants a function back, or the function reports an error that nobody can handle.
///
/// The kernel waits until this process has closed the function: whoever is told must end its use of it. Costs no time while
/// nothing happens. Ends when the object goes, which must not be on the watching thread.
public final class RemovalWatch: Sendable {
  private let stop: EventFile
  // The thread does not end before this object is gone, and the kernel's hold on these ends with the device.
  private let wanted: EventFile
  private let failed: EventFile
  private let thread: pthread_t

  /// What the thread takes with it.
  private final class Start: Sendable {
    let files: [Int32]
    let others: [Int32]
    let removed: @Sendable () -> Void
    let signalled: @Sendable (Int) -> Void

    init(
      files: [Int32], others: [Int32], removed: @escaping @Sendable () -> Void,
      signalled: @escaping @Sendable (Int) -> Void
    ) {
      self.files = files
      self.others = others
      self.removed = removed
      self.signalled = signalled
    }
  }

  /// Begins to watch.
  ///
  /// - Parameters:
  ///   - others: further eventfds of the caller's to watch, which outlive the object.
  ///   - removed: called once, on the watching thread, when the function is wanted back or has failed.
  ///   - signalled: called on the watching thread with the index of one of the others that was readable; it has been read.
  public init(
    _ device: VFIODevice, others: [Int32] = [], removed: @escaping @Sendable () -> Void,
    signalled: @escaping @Sendable (Int) -> Void = { _ in }
  ) throws(VFIOError) {
    stop = try EventFile(for: device.address)
    wanted = try EventFile(for: device.address)
    failed = try EventFile(for: device.address)
    for (index, file) in [
      (Int(VFIO_PCI_REQ_IRQ_INDEX), wanted.number), (Int(VFIO_PCI_ERR_IRQ_INDEX), failed.number),
    ] where (try? device.interruptCount(of: index)) ?? 0 > 0 {
      try device.setInterrupts(index, [file])
    }
    let start = Start(
      files: [stop.number, wanted.number, failed.number], others: others, removed: removed, signalled: signalled)
    thread = try Self.launch(start, device.address)
  }

  deinit {
    stop.signal()
    pthread_join(thread, nil)
  }

  private static func launch(_ start: Start, _ address: PCIAddress) throws(VFIOError) -> pthread_t {
    var handle = pthread_t()
    var blocked = sigset_t()
    var previous = sigset_t()
    // SAFETY: the sets are local variables. Signals go to the program's own threads.
    unsafe sigfillset(&blocked)
    unsafe pthread_sigmask(SIG_BLOCK, &blocked, &previous)
    defer { unsafe pthread_sigmask(SIG_SETMASK, &previous, nil) }
    // SAFETY: the box is retained here and released by the thread that gets its address, or below where there is none.
    let box = unsafe Unmanaged.passRetained(start)
    let code = unsafe pthread_create(
      &handle, nil,
      { argument in
        guard let argument = unsafe argument else { return nil }
        RemovalWatch.watch(unsafe Unmanaged<Start>.fromOpaque(argument).takeRetainedValue())
        return nil
      }, box.toOpaque())
    guard code == 0 else {
      unsafe box.release()
      throw VFIOError(address, .system("cannot start a thread"), errno: code)
    }
    // SAFETY: the name lives for the call.
    _ = unsafe pthread_setname_np(handle, "vfio-watch")
    return handle
  }

  private static func watch(_ start: Start) {
    var polled = (start.files + start.others).map { pollfd(fd: $0, events: Int16(POLLIN), revents: 0) }
    while true {
      // SAFETY: the array outlives the call and its count is passed with it.
      let count = unsafe poll(&polled, nfds_t(polled.count), -1)
      if count < 0 && errno != EINTR { return }
      let ready = polled.indices.filter { polled[$0].revents != 0 }
      if ready.contains(0) { return }
      for index in ready where index >= start.files.count {
        var value: UInt64 = 0
        _ = unsafe read(polled[index].fd, &value, 8)
        start.signalled(index - start.files.count)
      }
      guard ready.contains(where: { (1..<start.files.count).contains($0) }) else { continue }
      start.removed()
      // Told once; from now on only the end, and the others, count.
      for index in 1..<start.files.count { polled[index].fd = -1 }
    }
  }
}
