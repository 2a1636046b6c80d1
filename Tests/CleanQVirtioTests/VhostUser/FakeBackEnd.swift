import CPlatform
import Glibc
import Synchronization

@testable import CleanQVirtio

/// A back end of the tests: listens on a socket of its own, and answers each request as it is told, on a thread of its own.
final class FakeBackEnd: Sendable {
  /// What came in, without the files, which are closed.
  struct Request: Sendable {
    var number: UInt32
    var needsReply: Bool
    var payload: [UInt8]
  }

  /// What to do about a request.
  enum Answer: Sendable {
    /// An orderly answer with this payload.
    case payload([UInt8])
    case bytes([UInt8])
    /// An orderly answer with a file in its company.
    case withFile([UInt8])
    case nothing
    case close
  }

  let path: String
  private let listener: Int32
  private let answer: @Sendable (Request) -> Answer
  private let requests = Mutex<[Request]>([])
  private let isEnding = Atomic<Bool>(false)
  private let thread = Mutex<pthread_t?>(nil)

  init(answer: @escaping @Sendable (Request) -> Answer) {
    self.answer = answer
    let folder = unsafe getenv("TMPDIR").map { unsafe String(cString: $0) } ?? "/tmp"
    path = "\(folder)/cleanq-fake-\(getpid())-\(UInt32.random(in: 0 ... .max)).sock"
    precondition(path.utf8.count < 108, "the path in TMPDIR is too long for a socket: \(path)")
    listener = socket(AF_UNIX, Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue), 0)
    var address = sockaddr_un()
    address.sun_family = sa_family_t(AF_UNIX)
    // SAFETY: the path is shorter than the field.
    unsafe withUnsafeMutableBytes(of: &address.sun_path) { unsafe $0.copyBytes(from: Array(path.utf8)) }
    let status = unsafe withUnsafePointer(to: &address) {
      unsafe $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
        unsafe bind(listener, $0, socklen_t(MemoryLayout<sockaddr_un>.size))
      }
    }
    precondition(status == 0 && listen(listener, 4) == 0, "no socket at \(path)")
    let box = unsafe Unmanaged.passRetained(self)
    var handle = pthread_t()
    _ = unsafe pthread_create(
      &handle, nil,
      { argument in
        if let argument = unsafe argument {
          unsafe Unmanaged<FakeBackEnd>.fromOpaque(argument).takeRetainedValue().serve()
        }
        return nil
      }, box.toOpaque())
    thread.withLock { $0 = handle }
  }

  /// Ends the thread and takes the socket away.
  func end() {
    isEnding.store(true, ordering: .releasing)
    shutdown(listener, Int32(SHUT_RDWR))
    if let handle = thread.withLock({ $0.take() }) { pthread_join(handle, nil) }
    close(listener)
    _ = unsafe unlink(path)
  }

  /// The numbers of the requests so far.
  var numbers: [UInt32] { requests.withLock { $0.map(\.number) } }

  func request(_ number: UInt32) -> Request? { requests.withLock { $0.last { $0.number == number } } }

  private func serve() {
    while !isEnding.load(ordering: .acquiring) {
      let connection = accept(listener, nil, nil)
      guard connection >= 0 else { return }
      while serveOne(connection) {}
      close(connection)
    }
  }

  private func serveOne(_ connection: Int32) -> Bool {
    guard let header = read(12, from: connection), let number = header.native(UInt32.self, at: 0),
      let flags = header.native(UInt32.self, at: 4), let size = header.native(UInt32.self, at: 8),
      let payload = read(Int(size), from: connection)
    else { return false }
    let request = Request(number: number, needsReply: flags & 8 != 0, payload: payload)
    requests.withLock { $0.append(request) }
    var bytes: [UInt8] = []
    var files: [Int32] = []
    switch answer(request) {
    case .close: return false
    case .nothing: return true
    case .bytes(let raw): bytes = raw
    case .payload(let payload): bytes = Self.reply(to: number, payload)
    case .withFile(let payload):
      bytes = Self.reply(to: number, payload)
      files = [connection]
    }
    // SAFETY: the arrays outlive the call and their counts are passed with them.
    return unsafe cplatform_send_with_files(connection, bytes, bytes.count, files, Int32(files.count)) == bytes.count
  }

  static func reply(to number: UInt32, _ payload: [UInt8]) -> [UInt8] {
    var bytes: [UInt8] = []
    for word in [number, 5, UInt32(payload.count)] { bytes.append(native: word) }
    return bytes + payload
  }

  /// nil at the end, also at that of the back end.
  private func read(_ byteCount: Int, from connection: Int32) -> [UInt8]? {
    var bytes = [UInt8](repeating: 0, count: byteCount)
    var received = 0
    while received < byteCount, !isEnding.load(ordering: .acquiring) {
      var files = pollfd(fd: connection, events: Int16(POLLIN), revents: 0)
      guard unsafe poll(&files, 1, 20) > 0 else { continue }
      var closed: Int32 = 0
      let count = unsafe bytes.withUnsafeMutableBytes {
        unsafe cplatform_receive_without_files(
          connection, $0.baseAddress?.advanced(by: received), byteCount - received, &closed)
      }
      guard count > 0 else { return nil }
      received += count
    }
    return received == byteCount ? bytes : nil
  }
}

extension FakeBackEnd {
  static func number(_ value: UInt64) -> Answer {
    var payload: [UInt8] = []
    payload.append(native: value)
    return .payload(payload)
  }

  /// An orderly back end: features, protocol features, 4 queue pairs, 32 slots; every request acknowledged.
  static func orderly(
    _ request: Request, features: UInt64 = 0x1_4040_8000, protocolFeatures: UInt64 = 0x1_8009
  ) -> Answer {
    switch VhostUserRequest(rawValue: request.number) {
    case .getFeatures: number(features)
    case .getProtocolFeatures: number(protocolFeatures)
    case .getQueueNumber: number(4)
    case .getMaximumMemorySlots: number(32)
    case .getStatus: number(8)
    case .getVringBase: .payload(request.payload)
    default: request.needsReply ? number(0) : .nothing
    }
  }
}
