internal import CleanQPlatform
internal import Glibc
internal import Synchronization

/// What the thread that captures and the one that writes share: the records on their way, and what each tells the other.
///
/// One producer and one consumer; ``begin()`` and ``reopen()`` from any thread.
package final class CaptureChannel: Sendable {
  /// How long ``begin()`` waits for the header to be in the file.
  private static let beginMilliseconds = 250

  let queue = CaptureQueue()
  /// Wakes the writer.
  let wake: EventFile
  /// Readable when the writer has ended, and closed the file.
  let end: EventFile
  /// Wakes the pipeline's loop after ``wait(_:)``.
  let progress: EventFile
  private let begun = Atomic<Bool>(false)
  private let headed = Atomic<Bool>(false)
  private let ending = Atomic<Bool>(false)
  private let left = Atomic<Bool>(false)
  private let reopening = Atomic<Bool>(false)
  private let waiting = Atomic<Bool>(false)
  /// Whether the loop sleeps after ``wait(_:)``; the loop's own.
  private let isArmed = Atomic<Bool>(false)
  private let records = Atomic<Int>(0)
  private let bytes = Atomic<Int>(0)
  private let failed = Atomic<Bool>(false)
  private let reason = Mutex<String?>(nil)

  /// Nil where the process has no file descriptors left.
  init?() {
    guard let wake = EventFile(), let end = EventFile(), let progress = EventFile() else { return nil }
    (self.wake, self.end, self.progress) = (wake, end, progress)
  }

  // MARK: What the writer is told

  /// The pipeline starts: the file may be emptied. Returns when the header is in it, or cannot be soon. Does nothing a second
  /// time.
  package func begin() {
    guard !begun.exchange(true, ordering: .acquiringAndReleasing) else { return }
    wake.signal()
    for _ in 0..<Self.beginMilliseconds where !headed.load(ordering: .acquiring) && !hasFailed { usleep(1000) }
  }

  var hasBegun: Bool { begun.load(ordering: .acquiring) }

  /// Asks for the file to be opened again by its name.
  package func reopen() {
    reopening.store(true, ordering: .releasing)
    wake.signal()
  }

  /// Whether that was asked for since the last call.
  func takeReopening() -> Bool { reopening.exchange(false, ordering: .acquiringAndReleasing) }

  /// Nothing more is published: the writer ends when it has written what there is.
  func finish() {
    ending.store(true, ordering: .releasing)
    wake.signal()
  }

  /// Pairs with ``finish()``: everything that was published before is visible.
  var isFinishing: Bool { ending.load(ordering: .acquiring) }

  /// The writer ends as soon as the kernel lets it, even with bytes left.
  func leave() {
    left.store(true, ordering: .releasing)
    wake.signal()
  }

  var isLeft: Bool { left.load(ordering: .acquiring) }

  // MARK: What the writer tells

  /// How many records are in the file as a whole.
  var writtenRecordCount: Int { records.load(ordering: .relaxed) }
  /// How many bytes those and the file's header have.
  var writtenByteCount: Int { bytes.load(ordering: .relaxed) }

  func noteHeader() { headed.store(true, ordering: .releasing) }

  /// The writer is done up to a position.
  func noteWritten(upTo position: Int, recordCount: Int, byteCount: Int) {
    records.store(recordCount, ordering: .relaxed)
    bytes.store(byteCount, ordering: .relaxed)
    queue.release(position)
    // Ordered after the release, as wait(_:) is ordered the other way round: one of both sees the other.
    guard waiting.load(ordering: .sequentiallyConsistent) else { return }
    if position == queue.published || queue.published &- position < CaptureQueue.byteCount / 2 { stopWaiting() }
  }

  /// The file cannot be written any more.
  func fail(_ message: String) {
    reason.withLock { $0 = message }
    failed.store(true, ordering: .sequentiallyConsistent)
    stopWaiting()
  }

  private func stopWaiting() {
    if waiting.exchange(false, ordering: .sequentiallyConsistent) { progress.signal() }
  }

  var hasFailed: Bool { failed.load(ordering: .relaxed) }
  /// Why; nil while it can be written.
  var failure: String? { hasFailed ? reason.withLock { $0 } : nil }

  /// Whether everything that was published is in the file, or nothing will be any more.
  var isIdle: Bool { hasFailed || queue.released == queue.published }

  /// Whether there is room for bursts to come.
  var hasRoom: Bool { hasFailed || queue.published &- queue.released < CaptureQueue.byteCount / 2 }

  /// Has the pipeline's loop look again, now.
  func wakeLoop() { progress.signal() }

  /// Has ``progress`` become readable when the writer has got on.
  ///
  /// - Parameter isThere: whether it has got on far enough already.
  /// - Returns: whether there is something to wait for.
  func wait(_ isThere: () -> Bool) -> Bool {
    EventFile.clear(progress.number)
    waiting.store(true, ordering: .sequentiallyConsistent)
    if !isThere() {
      isArmed.store(true, ordering: .relaxed)
      return true
    }
    waiting.store(false, ordering: .relaxed)
    return false
  }

  /// Ends ``wait(_:)``: when this returns, ``progress`` is not readable and will not become so. Called by the thread that waited.
  func endWait() {
    if isArmed.exchange(false, ordering: .relaxed), !waiting.exchange(false, ordering: .sequentiallyConsistent) {
      // The writer has decided to signal, and may be about to.
      _ = progress.waitUntilReadable(timeoutMilliseconds: 100)
    }
    EventFile.clear(progress.number)
  }
}
