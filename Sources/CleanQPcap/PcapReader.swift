internal import CPcap
internal import CleanQ
internal import CleanQPipeline
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
  /// The descriptor, which belongs to `handle`.
  let file: Int32
  /// Not a regular file: reading can wait for a writer.
  let isStream: Bool
  private let claim: FileClaim

  /// Opens a file and reads its header.
  ///
  /// - Parameter path: the file, or `-` for standard input.
  /// - Throws: there is no such file, it is no capture, it cannot be made Ethernet frames.
  init(_ path: String) throws(StageError) {
    let file = try Self.openFile(path)
    var status = stat()
    // SAFETY: `status` is this function's own.
    let isKnown = unsafe fstat(file, &status) == 0
    if isKnown, status.st_mode & S_IFMT == S_IFDIR {
      _ = Glibc.close(file)
      throw StageError(stageText(path), "\(path) is a folder; name a capture file in it", errno: EISDIR)
    }
    let isStream = !isKnown || status.st_mode & S_IFMT != S_IFREG
    // SAFETY: the stream takes the descriptor over.
    guard let stream = unsafe fdopen(file, "r") else {
      _ = Glibc.close(file)
      throw StageError(stageText(path), "cannot open \(path): out of memory")
    }
    // Bytes that stdio had read ahead would be invisible to poll.
    if isStream { _ = unsafe setvbuf(stream, nil, _IONBF, 0) }
    let handle = try unsafe Self.openCapture(stream, path)
    unsafe self.init(handle, file: file, isStream: isStream)
  }

  private init(_ handle: OpaquePointer, file: Int32, isStream: Bool) {
    unsafe self.handle = unsafe handle
    self.file = file
    self.isStream = isStream
    claim = FileClaim(reading: file)
  }

  deinit {
    // SAFETY: opened in init; libpcap closes the stream too.
    unsafe pcap_close(handle)
  }

  private static func openFile(_ path: String) throws(StageError) -> Int32 {
    guard !path.utf8.contains(0) else { throw StageError(stageText(path), "a path cannot contain a zero byte") }
    // SAFETY: Swift passes the path as a C string that lives during the call.
    let file =
      path == standardStream
      ? fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, 3) : unsafe open(path, O_RDONLY | O_CLOEXEC)
    guard file >= 0 else { throw openingError(path, reading: true, errno: errno) }
    return file
  }

  private static func openCapture(
    _ stream: UnsafeMutablePointer<FILE>, _ path: String
  ) throws(StageError) -> OpaquePointer {
    var message = [CChar](repeating: 0, count: Int(PCAP_ERRBUF_SIZE))
    // SAFETY: the message buffer has the size that libpcap asks for. On failure the stream stays ours.
    guard
      let handle = unsafe pcap_fopen_offline_with_tstamp_precision(
        stream, UInt32(PCAP_TSTAMP_PRECISION_NANO), &message)
    else {
      _ = unsafe fclose(stream)
      let reason = String(decoding: message.prefix { $0 != 0 }.map(UInt8.init(bitPattern:)), as: UTF8.self)
      let advice = CaptureAdvice.onUnknownFormat(of: path)
      throw StageError(stageText(path), "\(path) is no capture file that libpcap can read: \(advice ?? reason)")
    }
    let dlt = unsafe pcap_datalink(handle)
    guard EthernetConversion(dlt: dlt) != nil else {
      unsafe pcap_close(handle)
      throw StageError(
        stageText(path),
        "\(path) was captured on a link of type \(LinkType.name(dlt: dlt)); captures of Ethernet, Linux cooked (-i any), raw IP "
          + "and loopback can be read"
      )
    }
    return unsafe handle
  }

  /// libpcap's number of the link type.
  var dlt: Int32 { unsafe pcap_datalink(handle) }

  /// The most bytes of a frame that the file says it keeps. Not to be relied on.
  var snaplen: Int { max(0, Int(unsafe pcap_snapshot(handle))) }

  /// Whether reading would not wait for a writer to begin.
  var isReadable: Bool {
    guard isStream else { return true }
    var entry = pollfd(fd: file, events: Int16(POLLIN), revents: 0)
    // SAFETY: one entry, this function's own.
    return unsafe poll(&entry, 1, 0) != 0
  }

  /// Reads one record.
  mutating func next() -> Outcome {
    guard isReadable else { return unsafe .nothing }
    var header: UnsafeMutablePointer<pcap_pkthdr>?
    var data: UnsafePointer<UInt8>?
    // SAFETY: both results point into the handle and stay good until its next call.
    let result = unsafe pcap_next_ex(handle, &header, &data)
    switch result {
    case 1:
      guard let header = unsafe header else { return unsafe .failure("no header") }
      let count = unsafe data == nil ? 0 : Int(header.pointee.caplen)
      // The handle was opened for nanoseconds, which is what tv_usec has then.
      let record = unsafe CaptureRecord(
        seconds: Int64(header.pointee.ts.tv_sec), nanoseconds: UInt32(clamping: header.pointee.ts.tv_usec),
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
