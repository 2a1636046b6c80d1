internal import CPcap
internal import CPlatform
internal import CleanQ
internal import CleanQPlatform
internal import Glibc

/// A capture file that is being read, through libpcap: pcap or pcapng, either byte order, any precision. Thread-confined.
@safe
struct PcapReader: ~Copyable {
  /// What reading on gives.
  @unsafe
  enum Outcome {
    /// A record's bytes, good until the next one is read, and what the capture says of them.
    case record(UnsafeRawBufferPointer, CaptureRecord)
    /// Nothing at the moment: a pipe whose writer has not written.
    case nothing
    /// The file is at its end.
    case end
    /// The rest of the file is unreadable; why.
    case failure(String)
  }

  private let handle: OpaquePointer
  /// What libpcap reads if that is not a regular file: reading can have to wait for a writer.
  private let stream: CaptureStream?
  /// What wakes a thread that waits for the stream's writer: a set with the stream's descriptor, so that it can be taken out.
  private var wake: WakeSet
  private let isPollable: Bool
  /// The descriptor of a stream. libpcap closes that of a regular file.
  private let file: OwnedFile
  private let claim: FileClaim

  /// Opens a file and reads its header, and waits for that.
  ///
  /// - Parameters:
  ///   - path: the file, or `-` for standard input.
  ///   - cancelFile: what ends the waiting once it is readable, or -1.
  /// - Throws: the file does not exist, it is not a capture, or its packets cannot be made Ethernet frames.
  init(_ path: String, cancelFile: Int32 = -1) throws(CaptureError) {
    let file = try Self.openFile(path)
    var status = stat()
    // SAFETY: `status` is this function's own.
    let isKnown = unsafe fstat(file, &status) == 0
    if isKnown, status.st_mode & S_IFMT == S_IFREG {
      unsafe self.init(try unsafe Self.openRegular(file, path), claim: FileClaim(reading: file))
      return
    }
    let owned = OwnedFile(owning: file)
    if isKnown, status.st_mode & S_IFMT == S_IFDIR {
      throw CaptureError(path, "\(path) is a folder; name a capture file in it", errno: EISDIR)
    }
    guard let wake = WakeSet() else {
      throw CaptureError(path, "no file descriptors left: \(systemErrorText(errno))", errno: errno)
    }
    let claim = FileClaim(reading: file)
    let stream = CaptureStream(file, isOwn: path != standardStream, cancelFile: cancelFile)
    guard let stdio = unsafe stream.open() else { throw Self.noMemory(path) }
    let handle = try unsafe Self.openCapture(stdio, path, stream)
    stream.endHeader()
    unsafe self.init(handle, claim: claim, stream: stream, file: owned, wake: wake)
  }

  /// A regular file.
  private init(_ handle: OpaquePointer, claim: consuming FileClaim) {
    unsafe self.handle = unsafe handle
    self.claim = claim
    stream = nil
    isPollable = false
    file = .none
    wake = .none
  }

  private init(
    _ handle: OpaquePointer, claim: consuming FileClaim, stream: CaptureStream, file: consuming OwnedFile,
    wake: consuming WakeSet
  ) {
    unsafe self.handle = unsafe handle
    self.claim = claim
    self.stream = stream
    // A file that cannot be polled, as /dev/zero, is always readable.
    isPollable = wake.arm(file.number)
    self.wake = consume wake
    self.file = consume file
  }

  deinit {
    // SAFETY: opened in init; libpcap closes the stream too, while what is behind it is still there.
    unsafe pcap_close(handle)
  }

  private static func openFile(_ path: String) throws(CaptureError) -> Int32 {
    guard !path.utf8.contains(0) else { throw CaptureError(path, "a path cannot contain a zero byte") }
    // SAFETY: Swift passes the path as a C string that lives during the call.
    let file =
      path == standardStream
      ? fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, 3) : unsafe open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY)
    guard file >= 0 else { throw openingError(path, reading: true, errno: errno) }
    return file
  }

  private static func openRegular(_ file: Int32, _ path: String) throws(CaptureError) -> OpaquePointer {
    // SAFETY: the stream takes the descriptor over.
    guard let stdio = unsafe fdopen(file, "r") else {
      _ = Glibc.close(file)
      throw noMemory(path)
    }
    return try unsafe openCapture(stdio, path, nil)
  }

  private static func noMemory(_ path: String) -> CaptureError {
    CaptureError(path, "cannot open \(path): out of memory")
  }

  private static func openCapture(
    _ stdio: UnsafeMutablePointer<FILE>, _ path: String, _ stream: CaptureStream?
  ) throws(CaptureError) -> OpaquePointer {
    var message = [CChar](repeating: 0, count: Int(PCAP_ERRBUF_SIZE))
    // SAFETY: the stream is open, and the structure this function's own. A stream of ours has no descriptor.
    var status = stat()
    let isEmptyFile = unsafe stream == nil && fstat(fileno(stdio), &status) == 0 && status.st_size == 0
    // SAFETY: the message buffer has the size that libpcap asks for. On failure the stream stays ours.
    guard
      let handle = unsafe pcap_fopen_offline_with_tstamp_precision(
        stdio, UInt32(PCAP_TSTAMP_PRECISION_NANO), &message)
    else {
      _ = unsafe fclose(stdio)
      if let stream, stream.isCancelled { throw .cancelled(path) }
      let isEmpty = isEmptyFile || stream?.isEmpty == true
      let reason = String(decoding: message.prefix { $0 != 0 }.map(UInt8.init(bitPattern:)), as: UTF8.self)
      throw CaptureError(path, CaptureAdvice.onUnknownFormat(of: path, isEmpty: isEmpty, because: reason))
    }
    let dlt = unsafe pcap_datalink(handle)
    guard EthernetConversion(dlt: dlt) != nil else {
      unsafe pcap_close(handle)
      throw CaptureError(
        path,
        "\(path) was captured on a link of type \(LinkType.name(dlt: dlt)); supported are Ethernet, Linux cooked (-i any), raw IP "
          + "and loopback can be read"
      )
    }
    return unsafe handle
  }

  /// libpcap's number of the link type.
  var dlt: Int32 { unsafe pcap_datalink(handle) }

  /// The most bytes of a frame that the file says it keeps. Not to be relied on.
  var snaplen: Int { max(0, Int(unsafe pcap_snapshot(handle))) }

  /// Not a regular file: reading can have to wait for a writer.
  var isStream: Bool { stream != nil }

  /// Whether ``next()`` would give something new.
  var isReadable: Bool { stream?.isReadable ?? true }

  /// Readable when there is something to read and that is asked for; nil where it always is.
  var wakeFile: Int32? { isPollable ? wake.file : nil }

  /// Whether ``wakeFile`` is to become readable when there is something to read.
  mutating func watch(_ isWanted: Bool) {
    guard isPollable else { return }
    if isWanted { _ = wake.arm(file.number) } else { wake.disarm(file.number) }
  }

  /// Reads one record. Does not wait for the writer of a stream.
  mutating func next() -> Outcome {
    switch stream?.gather() {
    case .nothing?: return unsafe .nothing
    case .failure(let reason)?: return unsafe .failure(reason)
    case .packet?, nil: break
    }
    var header: UnsafeMutablePointer<pcap_pkthdr>?
    var data: UnsafePointer<UInt8>?
    // SAFETY: both results point into the handle and stay good until its next call.
    let result = unsafe pcap_next_ex(handle, &header, &data)
    switch result {
    case 1:
      guard let header = unsafe header else { return unsafe .failure("no header") }
      let count = unsafe data == nil ? 0 : Int(header.pointee.caplen)
      // The handle was opened for nanoseconds, which is what tv_usec has then. A damaged record may have a second of them or more.
      let fraction = unsafe max(0, Int(header.pointee.ts.tv_usec)).quotientAndRemainder(dividingBy: 1_000_000_000)
      let record = unsafe CaptureRecord(
        seconds: Int64(header.pointee.ts.tv_sec) &+ Int64(fraction.quotient), nanoseconds: UInt32(fraction.remainder),
        originalByteCount: header.pointee.len)
      return unsafe .record(UnsafeRawBufferPointer(start: data, count: count), record)
    case -2: return unsafe .end
    case 0: return unsafe .nothing
    default:
      let reason = unsafe String(cString: pcap_geterr(handle))
      return unsafe .failure(CaptureAdvice.adding(toReading: reason))
    }
  }
}
