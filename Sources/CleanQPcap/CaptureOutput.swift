internal import CPcap
internal import CleanQPipeline
internal import Glibc

/// An open file that libpcap writes records to, through a stdio buffer of our own size. Closing it is the owner's call.
@safe
struct CaptureOutput: ~Copyable {
  /// More than the longest record, so that stdio never writes on its own and every flush ends where a record does.
  static let bufferByteCount = PcapWriter.maximumSnaplen + 64 * 1024
  /// The header of a capture file. Source: pcap-savefile(5).
  static let fileHeaderByteCount = 24
  /// The header of a record. Source: pcap-savefile(5).
  static let recordHeaderByteCount = 16

  private let dumper: OpaquePointer
  private let stream: UnsafeMutablePointer<FILE>
  private let buffer: UnsafeMutablePointer<CChar>
  /// The descriptor, which is nobody else's: for `-` it is a duplicate of standard output.
  let file: Int32
  /// A regular file that was opened, and emptied, here: its tail can be cut.
  let isOwnFile: Bool
  private let claim: FileClaim

  /// Creates or empties the file, and buffers its header.
  init(
    _ path: String, linkType: LinkType, snaplen: Int, precision: TimestampPrecision
  ) throws(StageError) {
    let file = try Self.openFile(path)
    let claim = try Self.claim(file, path)
    let isOwnFile = path != standardStream && claim.isRegularFile
    let buffer = UnsafeMutablePointer<CChar>.allocate(capacity: Self.bufferByteCount)
    // SAFETY: the stream takes the descriptor over; the buffer lives until after pcap_dump_close.
    guard let stream = unsafe fdopen(file, "w") else {
      _ = Glibc.close(file)
      unsafe buffer.deallocate()
      throw StageError(stageText(path), "cannot open \(path): out of memory")
    }
    _ = unsafe setvbuf(stream, buffer, _IOFBF, Self.bufferByteCount)
    guard let dumper = unsafe Self.openDumper(stream, linkType, snaplen, precision) else {
      _ = unsafe fclose(stream)
      unsafe buffer.deallocate()
      throw StageError(stageText(path), "libpcap cannot write \(path): out of memory")
    }
    unsafe self.init(dumper, stream, buffer: buffer, file: file, isOwnFile: isOwnFile, claim: claim)
  }

  private init(
    _ dumper: OpaquePointer, _ stream: UnsafeMutablePointer<FILE>, buffer: UnsafeMutablePointer<CChar>, file: Int32,
    isOwnFile: Bool, claim: consuming FileClaim
  ) {
    self.claim = claim
    unsafe self.dumper = unsafe dumper
    unsafe self.stream = unsafe stream
    unsafe self.buffer = unsafe buffer
    self.file = file
    self.isOwnFile = isOwnFile
  }

  deinit {
    // SAFETY: the stream writes what it still buffers and goes; only then the buffer.
    _ = shieldedFromSignals {
      unsafe pcap_dump_close(dumper)
      return 1
    }
    unsafe buffer.deallocate()
  }

  private static func openFile(_ path: String) throws(StageError) -> Int32 {
    guard !path.utf8.contains(0) else { throw StageError(stageText(path), "a path cannot contain a zero byte") }
    if path == standardStream {
      guard isatty(STDOUT_FILENO) == 0 else {
        throw StageError(stageText(path), "standard output is a terminal; redirect it to a file or a pipe")
      }
      let copy = fcntl(STDOUT_FILENO, F_DUPFD_CLOEXEC, 3)
      guard copy >= 0 else { throw openingError(path, reading: false, errno: errno) }
      return copy
    }
    // SAFETY: Swift passes the path as a C string that lives during the call.
    let file = unsafe open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0o666)
    guard file >= 0 else { throw openingError(path, reading: false, errno: errno) }
    return file
  }

  /// Claims an open file, and empties it where it is a regular one of our own; closes it where that cannot be.
  private static func claim(_ file: Int32, _ path: String) throws(StageError) -> FileClaim {
    do throws(StageError) {
      let claim = try FileClaim(writing: file, path)
      guard path == standardStream || !claim.isRegularFile || ftruncate(file, 0) == 0 else {
        throw openingError(path, reading: false, errno: errno)
      }
      return claim
    } catch {
      _ = Glibc.close(file)
      throw error
    }
  }

  private static func openDumper(
    _ stream: UnsafeMutablePointer<FILE>, _ linkType: LinkType, _ snaplen: Int, _ precision: TimestampPrecision
  ) -> OpaquePointer? {
    let digits = precision == .nano ? PCAP_TSTAMP_PRECISION_NANO : PCAP_TSTAMP_PRECISION_MICRO
    // SAFETY: a dead handle lends the dumper its numbers and is closed at once.
    guard let dead = unsafe pcap_open_dead_with_tstamp_precision(linkType.dlt, Int32(snaplen), UInt32(digits)) else {
      return nil
    }
    defer { unsafe pcap_close(dead) }
    return unsafe pcap_dump_fopen(dead, stream)
  }

  /// Takes the stream's lock, which libpcap otherwise takes three times for each record. Ends with ``unlock()``.
  func lock() { unsafe flockfile(stream) }
  func unlock() { unsafe funlockfile(stream) }

  /// Buffers one record.
  ///
  /// SAFETY: the caller keeps the bytes readable during the call.
  @unsafe
  func dump(_ bytes: UnsafeRawBufferPointer, header: pcap_pkthdr) {
    var header = header
    // SAFETY: libpcap reads `caplen` bytes, which the caller set to the count; an empty record has no bytes to read.
    unsafe pcap_dump(
      UnsafeMutableRawPointer(dumper).assumingMemoryBound(to: UInt8.self), &header,
      bytes.baseAddress?.assumingMemoryBound(to: UInt8.self))
  }

  /// Gives what is buffered to the operating system.
  ///
  /// - Returns: 0 or an errno.
  func flush() -> Int32 {
    // SAFETY: the dumper is open as long as this value lives.
    shieldedFromSignals { unsafe pcap_dump_flush(dumper) == 0 ? 0 : max(errno, 1) }
  }

  /// How many bytes the file has got; only of an own file.
  var writtenByteCount: Int { max(0, lseek(file, 0, SEEK_CUR)) }

  /// Cuts an own file, then lets everything that is still buffered or will come go nowhere.
  func abandon(keeping byteCount: Int) {
    if isOwnFile { _ = ftruncate(file, byteCount) }
    // SAFETY: a constant path.
    let nowhere = unsafe open("/dev/null", O_WRONLY | O_CLOEXEC)
    guard nowhere >= 0 else { return }
    // The descriptor is private, so nobody else notices.
    _ = dup2(nowhere, file)
    _ = fcntl(file, F_SETFD, FD_CLOEXEC)
    _ = Glibc.close(nowhere)
  }
}
