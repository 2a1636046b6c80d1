internal import CPlatform
internal import CleanQPlatform
internal import Glibc

/// A thread that sleeps until the kernel wants a function back, or the function reports an error that nobody can handle.
///
/// The kernel waits until this process has closed the function: the callee must end its use of it. Costs no time while
/// nothing happens. Ends when the object goes, which must not be on the watching thread.
public final class RemovalWatch: Sendable {
  // The thread does not end before this object is gone, and the kernel's hold on the others ends with the device.
  private let stop: EventFile
  private let wanted: EventFile
  private let failed: EventFile
  private let thread: SystemThread

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
    guard let stop = EventFile(), let wanted = EventFile(), let failed = EventFile() else {
      throw VFIOError(device.address, .system("cannot make an eventfd"), errno: errno)
    }
    (self.stop, self.wanted, self.failed) = (stop, wanted, failed)
    for (index, file) in [(Int(VFIO_PCI_REQ_IRQ_INDEX), wanted), (Int(VFIO_PCI_ERR_IRQ_INDEX), failed)]
    where (try? device.interruptCount(of: index)) ?? 0 > 0 {
      try device.setInterrupts(index, [file.number])
    }
    let own = [stop.number, wanted.number, failed.number]
    let thread = SystemThread(name: "vfio-watch") {
      Self.watch(own, others, removed: removed, signalled: signalled)
    }
    guard let thread else { throw VFIOError(device.address, .system("cannot start a thread"), errno: errno) }
    self.thread = thread
  }

  deinit {
    stop.signal()
    thread.join()
  }

  private static func watch(
    _ own: [Int32], _ others: [Int32], removed: @Sendable () -> Void, signalled: @Sendable (Int) -> Void
  ) {
    var polled = (own + others).map { pollfd(fd: $0, events: Int16(POLLIN), revents: 0) }
    while true {
      // SAFETY: the array outlives the call and its count is passed with it.
      let count = unsafe poll(&polled, nfds_t(polled.count), -1)
      if count < 0 && errno != EINTR { return }
      let ready = polled.indices.filter { polled[$0].revents != 0 }
      if ready.contains(0) { return }
      for index in ready where index >= own.count {
        EventFile.clear(polled[index].fd)
        signalled(index - own.count)
      }
      guard ready.contains(where: { (1..<own.count).contains($0) }) else { continue }
      removed()
      // Told once; from now on only the end, and the others, count.
      for index in 1..<own.count { polled[index].fd = -1 }
    }
  }
}
