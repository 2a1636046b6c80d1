internal import CleanQPlatform
internal import Glibc

/// An open file that records are written to. Nothing is emptied or written by opening it.
struct CaptureOutput: ~Copyable, Sendable {
  /// Whose waiting it would be to write.
  private enum Waiting {
    /// The kernel's: a regular file.
    case disk
    /// Nobody's: the descriptor does not block.
    case none
    /// Ours, if we wrote more than there is room for: a pipe that others have too, so that its flags are not ours to change.
    case shared
    case socket
  }

  /// As much as a pipe that can be written to takes without blocking. Source: pipe(7).
  private static let pipeByteCount = 4096

  /// The descriptor, which is nobody else's; for `-` another for what standard output is.
  let file: Int32
  /// A regular file that was opened here, by its name: it is locked, may be emptied, and its tail can be cut.
  let isOwnFile: Bool
  private let waiting: Waiting
  private let claim: FileClaim

  /// Opens, and where it is a regular file locks, the file of a capture.
  ///
  /// - Parameters:
  ///   - path: the file, or `-` for standard output.
  ///   - cancelFile: readable once a FIFO's reader is not to be waited for any longer; or -1.
  ///   - wait: called once, before that begins.
  init(_ path: String, cancelFile: Int32, wait: () -> Void = {}) throws(CaptureError) {
    guard path == standardStream else {
      try self.init(owning: Self.open(path, cancelFile, wait), path, isShared: false)
      return
    }
    let (file, isShared) = try Self.openStandardOutput()
    try self.init(owning: file, path, isShared: isShared)
  }

  /// Opens a regular file again by its name.
  ///
  /// - Returns: nil where the name still leads to the file that is open.
  static func reopening(_ path: String, instead old: borrowing CaptureOutput) throws(CaptureError) -> CaptureOutput? {
    let file = try openNow(path)
    var (before, now) = (stat(), stat())
    // SAFETY: the structures are this function's own.
    if unsafe fstat(old.file, &before) == 0, unsafe fstat(file, &now) == 0, before.st_ino == now.st_ino,
      before.st_dev == now.st_dev
    {
      close(file)
      return nil
    }
    return try CaptureOutput(owning: file, path, isShared: false)
  }

  private init(owning file: Int32, _ path: String, isShared: Bool) throws(CaptureError) {
    claim = try Self.claim(file, path)
    self.file = file
    isOwnFile = claim.isRegularFile && path != standardStream
    var status = stat()
    // SAFETY: the structure is this function's own.
    let kind = unsafe fstat(file, &status) == 0 ? status.st_mode & S_IFMT : 0
    switch kind {
    case S_IFREG: waiting = .disk
    case S_IFSOCK: waiting = .socket
    default: waiting = isShared ? .shared : .none
    }
  }

  /// Claims an open file in this process and, where it is a regular one of our own, locks it for others; closes it where
  /// that cannot be.
  private static func claim(_ file: Int32, _ path: String) throws(CaptureError) -> FileClaim {
    do throws(CaptureError) {
      let claim = try FileClaim(writing: file, path)
      guard claim.isRegularFile, path != standardStream else { return claim }
      // On file systems without locks, as some network file systems, the file is written without one.
      guard flock(file, LOCK_EX | LOCK_NB) == 0 || errno != EWOULDBLOCK else {
        throw CaptureError(
          path, "another process writes \(path); stop it, or write to another file", errno: EWOULDBLOCK)
      }
      return claim
    } catch {
      close(file)
      throw error
    }
  }

  deinit { close(file) }

  /// - Returns: a descriptor, and whether others have the description that it stands for.
  private static func openStandardOutput() throws(CaptureError) -> (Int32, isShared: Bool) {
    guard isatty(STDOUT_FILENO) == 0 else {
      throw CaptureError(standardStream, "standard output is a terminal; redirect it to a file or a pipe")
    }
    let copy = fcntl(STDOUT_FILENO, F_DUPFD_CLOEXEC, 3)
    guard copy >= 0 else { throw openingError(standardStream, reading: false, errno: errno) }
    var status = stat()
    // SAFETY: the structure is this function's own; the path lives during the call.
    guard unsafe fstat(copy, &status) == 0, status.st_mode & S_IFMT == S_IFIFO else { return (copy, true) }
    // The shell and others have this description too, so it keeps its flags; a second one for the pipe is our own.
    let own = unsafe Glibc.open("/proc/self/fd/\(copy)", O_WRONLY | O_NONBLOCK | O_CLOEXEC)
    guard own >= 0 else { return (copy, true) }
    close(copy)
    return (own, false)
  }

  /// Opens a file by its name; where it is a FIFO, waits for its reader.
  private static func open(_ path: String, _ cancelFile: Int32, _ wait: () -> Void) throws(CaptureError) -> Int32 {
    guard !path.utf8.contains(0) else { throw CaptureError(path, "a path cannot contain a zero byte") }
    var hasWaited = false
    while true {
      do throws(CaptureError) { return try openNow(path) } catch {
        guard error.errno == ENXIO, isFIFO(path) else { throw error }
      }
      if !hasWaited { wait() }
      hasWaited = true
      // Nothing tells when a reader opens a FIFO.
      guard !FileReadiness.isReadable(cancelFile, timeoutMilliseconds: 50) else { throw .cancelled(path) }
    }
  }

  private static func openNow(_ path: String) throws(CaptureError) -> Int32 {
    do throws(CapturePath.Failure) { return try CapturePath.open(path) } catch {
      switch error {
      case .system(let number): throw openingError(path, reading: false, errno: number)
      case .foreignLink(let name, let owner):
        throw CaptureError(
          path,
          "the symbolic link \(name) belongs to user \(owner) and is not followed; write the path of the file itself",
          errno: ELOOP)
      case .foreignFile(let owner):
        throw CaptureError(
          path,
          "\(path) belongs to user \(owner), who may have put it there to read what is captured; write somewhere else",
          errno: EACCES)
      }
    }
  }

  private static func isFIFO(_ path: String) -> Bool {
    var status = stat()
    // SAFETY: the structure is this function's own; the path lives during the call.
    return unsafe stat(path, &status) == 0 && status.st_mode & S_IFMT == S_IFIFO
  }

  /// How long the file is; 0 where that means nothing.
  var byteCount: Int {
    var status = stat()
    // SAFETY: the structure is this function's own.
    return unsafe fstat(file, &status) == 0 ? Int(status.st_size) : 0
  }

  /// Cuts an own file. Returns 0 or an errno.
  func cut(to byteCount: Int) -> Int32 { ftruncate(file, byteCount) == 0 ? 0 : errno }

  /// Writes as much as the file takes at the moment. Blocks, if at all, for a disk.
  ///
  /// Signals that a write can raise, SIGPIPE and SIGXFSZ, have to be blocked in the calling thread.
  ///
  /// - Returns: the number of bytes, or a negative errno; `-EAGAIN` while there is no room.
  ///
  /// SAFETY: the caller keeps the bytes readable during the call.
  @unsafe
  func write(_ bytes: UnsafeRawBufferPointer) -> Int {
    var byteCount = bytes.count
    if case .shared = waiting {
      guard FileReadiness.isWritable(file) else { return -Int(EAGAIN) }
      byteCount = min(byteCount, Self.pipeByteCount)
    }
    // SAFETY: the count is within the bytes.
    let count =
      if case .socket = waiting { unsafe send(file, bytes.baseAddress, byteCount, Int32(MSG_DONTWAIT)) } else {
        unsafe Glibc.write(file, bytes.baseAddress, byteCount)
      }
    return count >= 0 ? count : -Int(errno)
  }
}
