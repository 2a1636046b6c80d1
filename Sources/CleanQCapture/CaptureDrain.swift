internal import CleanQ
internal import CleanQPlatform
internal import Glibc

/// The thread that writes a capture: nobody waits for it, so the reader of a pipe or a disk may keep it waiting.
///
/// It writes what the queue has, at once when it is woken. A record is in the file as a whole or, where the file ends, not at
/// all: an own file is cut to its last whole record when a write fails. Confined to its thread once that runs.
final class CaptureDrain {
  private let channel: CaptureChannel
  private let path: String
  private let header: [UInt8]
  private let onEvent: CaptureEventHandler
  /// Nil once it is closed.
  private var output: CaptureOutput?
  /// Whether an own file has been emptied.
  private var isEmptied = false
  private var headerByteCount = 0
  /// How many bytes of the queue are written.
  private var position = 0
  /// Where in the queue the last record ends that is written as a whole.
  private var wholePosition = 0
  /// Where the record after that ends, once a byte of it is written.
  private var nextPosition: Int?
  private var recordCount = 0
  /// Of all files, headers included.
  private var headersByteCount = 0
  /// How long the file is.
  private var fileByteCount = 0
  /// Where in the queue the file is to be opened again.
  private var reopenPosition: Int?

  private enum Step {
    case written
    case waiting
    case idle
    case failed(Int32)
  }

  /// Where nothing can be lost, since the file is empty, its header is written at once.
  init(
    _ channel: CaptureChannel, _ output: consuming CaptureOutput, path: String, header: [UInt8],
    onEvent: @escaping CaptureEventHandler
  ) {
    self.channel = channel
    self.path = path
    self.header = header
    self.onEvent = onEvent
    let isFresh = output.isOwnFile && output.byteCount == 0
    self.output = consume output
    if isFresh { writeFirstHeader() }
  }

  private func writeFirstHeader() {
    let mask = SignalMask()
    isEmptied = true
    // Trouble shows again when the thread runs.
    _ = writeHeader()
    mask.restore()
  }

  /// Writes until it is told to end.
  func run() {
    while !channel.isLeft {
      // In this order: what was published before the end is seen.
      let isFinishing = channel.isFinishing
      let isWaiting: Bool
      switch channel.hasBegun ? step() : .idle {
      case .written: continue
      case .failed(let number): return close(because: number)
      case .waiting: isWaiting = true
      case .idle:
        if isFinishing { return close() }
        isWaiting = false
      }
      sleep(untilWritable: isWaiting)
    }
    close()
  }

  private func step() -> Step {
    if !isEmptied {
      isEmptied = true
      let number = output?.isOwnFile == true ? output?.cut(to: 0) ?? 0 : 0
      if number != 0 { return .failed(number) }
    }
    if headerByteCount < header.count { return writeHeader() }
    if reopenPosition == nil, channel.takeReopening() { reopenPosition = channel.queue.published }
    if position == reopenPosition {
      reopenPosition = nil
      reopen()
      return .written
    }
    let end = reopenPosition ?? channel.queue.published
    guard position < end else { return .idle }
    // SAFETY: the bytes are published, and released only below.
    let count = unsafe output?.write(channel.queue.bytes(from: position, to: end)) ?? 0
    return note(count) { advance(by: $0) }
  }

  private func writeHeader() -> Step {
    let count = unsafe header.withUnsafeBytes { header in
      // SAFETY: the array lives during the call.
      unsafe output?.write(UnsafeRawBufferPointer(rebasing: header[headerByteCount...])) ?? 0
    }
    return note(count) { count in
      headerByteCount += count
      fileByteCount += count
      guard headerByteCount == header.count else { return }
      headersByteCount += header.count
      channel.noteWritten(upTo: position, recordCount: recordCount, byteCount: headersByteCount + wholePosition)
      channel.noteHeader()
    }
  }

  /// What a write has come to.
  private func note(_ count: Int, _ advance: (Int) -> Void) -> Step {
    switch Int32(clamping: -count) {
    case EAGAIN: return .waiting
    case EINTR: return .written
    case let number where number > 0: return .failed(number)
    default:
      advance(count)
      return .written
    }
  }

  private func advance(by count: Int) {
    position += count
    fileByteCount += count
    while true {
      if nextPosition == nil, wholePosition < position {
        let keptByteCount = channel.queue.word(at: wholePosition + CaptureFormat.keptByteCountOffset)
        nextPosition = wholePosition + CaptureFormat.recordHeaderByteCount + Int(keptByteCount)
      }
      guard let next = nextPosition, next <= position else { break }
      wholePosition = next
      nextPosition = nil
      recordCount += 1
    }
    channel.noteWritten(upTo: position, recordCount: recordCount, byteCount: headersByteCount + wholePosition)
  }

  /// Opens the file again by its name, as after it was renamed; the next record begins the new one. Where the name still
  /// leads to the same file, nothing changes.
  private func reopen() {
    guard let isOwnFile = output?.isOwnFile, isOwnFile else { return }
    do throws(CaptureError) {
      guard let old = output.take() else { return }
      do throws(CaptureError) {
        guard let new = try CaptureOutput.reopening(path, instead: old) else {
          output = consume old
          return
        }
        output = consume new
      } catch {
        output = consume old
        throw error
      }
    } catch {
      onEvent(.notReopened(error))
      return
    }
    isEmptied = false
    headerByteCount = 0
    fileByteCount = 0
    onEvent(.reopened(path: path))
  }

  private func sleep(untilWritable isWaiting: Bool) {
    var files: InlineArray<2, pollfd> = [
      pollfd(fd: channel.wake.number, events: Int16(POLLIN), revents: 0),
      pollfd(fd: isWaiting ? output?.file ?? -1 : -1, events: Int16(POLLOUT), revents: 0),
    ]
    var span = files.mutableSpan
    // SAFETY: the span's memory outlives the call and its count is passed with it; a negative descriptor is passed over.
    _ = unsafe span.withUnsafeMutableBufferPointer { unsafe poll($0.baseAddress, nfds_t($0.count), -1) }
    if files[0].revents != 0 { EventFile.clear(channel.wake.number) }
  }

  /// Ends the file where its last whole record ends, and closes it.
  ///
  /// - Parameter number: the errno of the write that failed, if one has.
  private func close(because number: Int32 = 0) {
    let partByteCount = headerByteCount < header.count ? headerByteCount : position - wholePosition
    if let isOwnFile = output?.isOwnFile, isOwnFile, isEmptied, partByteCount > 0 {
      _ = output?.cut(to: fileByteCount - partByteCount)
    }
    output = nil
    if number != 0 {
      let name = path == standardStream ? "standard output" : path
      let reason = "cannot write the capture to \(name): \(systemErrorText(number))"
      if !channel.isLeft { onEvent(.stopped(reason: reason)) }
      channel.fail(reason)
    }
    channel.end.signal()
  }
}
