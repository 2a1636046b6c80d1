internal import CPlatform
internal import CleanQ
internal import CleanQPlatform
internal import Glibc

/// The bytes of a capture that comes from a pipe, a socket or a terminal, between the descriptor and libpcap.
///
/// libpcap reads from a stdio stream and cannot stop inside a record. So that it never waits there, the bytes gather here until all
/// those of the next packet have come (``CaptureFraming``), and only these can be read from the stream. Only the file's header is
/// waited for, when the file is opened; the start's cancel file ends that.
///
/// The descriptor of a path is this object's alone and does not block. Standard input's flags are everyone's who has it, so they stay
/// as they are: it is read with `RWF_NOWAIT`; where the kernel does not know that for this kind of file, after poll(2) has said that
/// there is something, which waits only if another process takes just that in between.
///
/// Thread-confined.
@safe
final class CaptureStream {
  enum Gathered {
    /// All bytes of a packet are there, or the file is at its end: libpcap does not wait.
    case packet
    case nothing
    case failure(String)
  }

  /// How much one call reads, at least, if there is so much.
  private static let readByteCount = 64 * 1024
  /// The most that may gather without a packet.
  private static let maximumByteCount = 32 << 20

  /// Stays the caller's.
  let file: Int32
  /// Readable once the start is to be abandoned, or -1. Not used after it.
  private let cancelFile: Int32
  /// An open file of this process alone, with `O_NONBLOCK`.
  private let isOwn: Bool
  /// `RWF_NOWAIT` works for this file.
  private var knowsNowait = true
  /// The file's first bytes.
  private var head: [UInt8] = []
  /// Nil while libpcap reads the file's header.
  private var framing: CaptureFraming?
  private(set) var isCancelled = false
  private(set) var isAtEnd = false

  private var memory: UnsafeMutableRawPointer
  private var capacity = 4 * CaptureStream.readByteCount
  /// In the memory: what libpcap reads next, what it may read before, and where what has gathered ends.
  private var start = 0
  private var released = 0
  private var end = 0

  init(_ file: Int32, isOwn: Bool, cancelFile: Int32) {
    self.file = file
    self.isOwn = isOwn
    self.cancelFile = cancelFile
    unsafe memory = UnsafeMutableRawPointer.allocate(byteCount: capacity, alignment: 64)
  }

  // SAFETY: allocated here; the stream on this object is closed before.
  deinit { unsafe memory.deallocate() }

  /// A stdio stream of the bytes, which the caller closes, and before this object goes. Nil without memory.
  func open() -> UnsafeMutablePointer<FILE>? {
    let stream = unsafe cplatform_open_reader(Unmanaged.passUnretained(self).toOpaque()) { stream, bytes, count in
      guard let stream = unsafe stream, let bytes = unsafe bytes else { return -1 }
      // SAFETY: the reader that owns the stdio stream keeps the object; the memory has room for `count` bytes.
      return unsafe Unmanaged<CaptureStream>.fromOpaque(stream)._withUnsafeGuaranteedRef {
        unsafe $0.take(bytes, byteCount: count)
      }
    }
    return unsafe stream?.assumingMemoryBound(to: FILE.self)
  }

  /// No byte has come yet.
  var isEmpty: Bool { head.isEmpty }

  /// libpcap has read the file's header: from here on nothing waits.
  func endHeader() { framing = CaptureFraming(head: head) }

  /// Whether ``gather()`` would find something new. At the end of the file it does.
  var isReadable: Bool {
    if hasPacket || isAtEnd { return true }
    return FileReadiness.isReadable(file)
  }

  /// Reads what there is until a packet is whole. Does not wait.
  ///
  /// - Complexity: O(bytes that came). No system call where the packet is there already.
  func gather() -> Gathered {
    framing?.restart()
    while true {
      if hasPacket { return .packet }
      if isAtEnd {
        // libpcap says whether that is the end of a record.
        released = end
        return .packet
      }
      guard end - start < Self.maximumByteCount else {
        return .failure("\(Self.maximumByteCount >> 20) MiB came without a packet")
      }
      makeRoom()
      // SAFETY: from `end` on the memory is free.
      let count = unsafe read(memory + end, byteCount: capacity - end)
      switch count {
      case 0: isAtEnd = true
      case 1...: end += count
      default:
        let number = errno
        if number == EINTR { continue }
        return number == EAGAIN ? .nothing : .failure(systemErrorText(number))
      }
    }
  }

  /// Whether libpcap can read a packet, which is released then.
  private var hasPacket: Bool {
    if released > start { return true }
    // SAFETY: the bytes between the two have been read.
    let bytes = unsafe UnsafeRawBufferPointer(start: memory + start, count: end - start)
    guard let count = unsafe framing?.packetByteCount(in: bytes) else { return false }
    released = start + count
    return true
  }

  private func makeRoom() {
    guard capacity - end < Self.readByteCount else { return }
    let byteCount = end - start
    // SAFETY: both blocks are longer than what has gathered, which has been read.
    if byteCount + Self.readByteCount <= capacity {
      unsafe memmove(memory, memory + start, byteCount)
    } else {
      capacity *= 2
      let larger = UnsafeMutableRawPointer.allocate(byteCount: capacity, alignment: 64)
      unsafe larger.copyMemory(from: memory + start, byteCount: byteCount)
      unsafe memory.deallocate()
      unsafe memory = larger
    }
    (start, released, end) = (0, released - start, byteCount)
  }

  /// What libpcap reads through stdio.
  ///
  /// SAFETY: the caller has room for this number of bytes.
  ///
  /// - Returns: 0 at the end of what it may read; -1, and `errno` is set, where that fails.
  @unsafe
  private func take(_ bytes: UnsafeMutableRawPointer, byteCount: Int) -> Int {
    guard framing != nil else { return unsafe takeHeader(bytes, byteCount: byteCount) }
    let count = min(byteCount, released - start)
    // SAFETY: what is released has been read.
    unsafe bytes.copyMemory(from: memory + start, byteCount: count)
    start += count
    if start == end { (start, released, end) = (0, 0, 0) }
    return count
  }

  /// Reads on in the file's header, and waits for it.
  @unsafe
  private func takeHeader(_ bytes: UnsafeMutableRawPointer, byteCount: Int) -> Int {
    while true {
      var files: InlineArray<2, pollfd> = [
        pollfd(fd: file, events: Int16(POLLIN), revents: 0), pollfd(fd: cancelFile, events: Int16(POLLIN), revents: 0),
      ]
      var span = files.mutableSpan
      // SAFETY: the span's memory outlives the call and its count is passed with it; a negative descriptor is passed over.
      _ = unsafe span.withUnsafeMutableBufferPointer { unsafe poll($0.baseAddress, nfds_t($0.count), -1) }
      if files[1].revents != 0 {
        isCancelled = true
        errno = ECANCELED
        return -1
      }
      // A FIFO that had no writer yet would seem to be at its end.
      guard files[0].revents != 0 else { continue }
      // What stdio reads ahead, nobody can see. Without its buffer it would ask for every byte alone, packets too.
      let count = unsafe read(bytes, byteCount: min(1, byteCount))
      if count < 0, errno == EAGAIN || errno == EINTR { continue }
      for index in 0..<max(0, min(count, CaptureFraming.headByteCount - head.count)) {
        head.append(unsafe bytes.load(fromByteOffset: index, as: UInt8.self))
      }
      return count
    }
  }

  /// read(2) that does not wait.
  @unsafe
  private func read(_ bytes: UnsafeMutableRawPointer, byteCount: Int) -> Int {
    // SAFETY, for the calls below: the callers have room for this number of bytes.
    if isOwn { return unsafe Glibc.read(file, bytes, byteCount) }
    if knowsNowait {
      let count = unsafe cplatform_read_now(file, bytes, byteCount)
      guard count < 0, errno == EOPNOTSUPP || errno == ENOSYS else { return count }
      knowsNowait = false
    }
    guard FileReadiness.isReadable(file) else {
      errno = EAGAIN
      return -1
    }
    return unsafe Glibc.read(file, bytes, byteCount)
  }
}
