import CleanQ
import Glibc
import Logging
import Synchronization
import Testing

@testable import CleanQVirtio

@Suite("vhost-user transport", .serialized, .timeLimit(.minutes(1)))
struct VhostUserTransportTests {
  static let quiet = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }

  private func diagnostic(at path: String) -> String {
    do throws(VirtioError) {
      _ = try VhostUserTransport(path: path, logger: Self.quiet)
      return "none"
    } catch { return "\(error)" }
  }

  private func waitUntil(_ condition: () -> Bool) -> Bool {
    for _ in 0..<3000 {
      if condition() { return true }
      usleep(1000)
    }
    return false
  }

  @Test(
    "a back end that maps too few regions of memory is told so in numbers that there can be", arguments: [0, 1, 2, 3])
  func fewSlots(count: Int) {
    let text = VhostUserTransport.diagnostic(aboutSlots: count)
    let words = [
      "maps no regions of memory, and a queue pair needs two",
      "maps one region of memory only, and a queue pair needs two",
      "which do for one queue pair; ask for fewer", "maps 3 regions of memory, which do for 2 queue pairs",
    ]
    #expect(text.contains(words[count]))
  }

  @Test("what is no back end's socket: one line that says what is there and what to do")
  func noSocket() {
    #expect(
      diagnostic(at: "/nowhere/x.sock")
        == "vhost-user(/nowhere/x.sock): there is no socket at this path; start the back end first, or mend the path: No such file or directory"
    )
    #expect(
      diagnostic(at: "/etc/hostname")
        == "vhost-user(/etc/hostname): this is a file and not a socket; name a back end's socket: Connection refused")
    let long = "/" + String(repeating: "x", count: 120)
    #expect(diagnostic(at: long).contains("a socket's path has 1 to 107 bytes; use a shorter one"))
    #expect(diagnostic(at: "").contains("1 to 107 bytes"))
  }

  @Test("a socket on which nobody listens")
  func stale() {
    let back = FakeBackEnd { FakeBackEnd.orderly($0) }
    let file = socket(AF_UNIX, Int32(SOCK_STREAM.rawValue), 0)
    defer { close(file) }
    let path = back.path + ".stale"
    var address = sockaddr_un()
    address.sun_family = sa_family_t(AF_UNIX)
    unsafe withUnsafeMutableBytes(of: &address.sun_path) { unsafe $0.copyBytes(from: Array(path.utf8)) }
    let bound = unsafe withUnsafePointer(to: &address) {
      unsafe $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
        unsafe bind(file, $0, socklen_t(MemoryLayout<sockaddr_un>.size))
      }
    }
    #expect(bound == 0)
    #expect(diagnostic(at: path).contains("nobody listens on the socket; start the back end, as the server"))
    _ = unsafe unlink(path)
    back.end()
  }

  @Test("whoever does not speak the protocol is told off", arguments: Lie.allCases)
  func strangers(_ lie: Lie) {
    let back = FakeBackEnd { lie.answer($0) }
    let text = diagnostic(at: back.path)
    #expect(text.contains("what listens there does not speak vhost-user: \(lie.fault)"), "\(text)")
    back.end()
  }

  @Test("the driver's order: features, memory and vrings in the order of the protocol, all acknowledged")
  func order() throws {
    let back = FakeBackEnd { FakeBackEnd.orderly($0) }
    defer { back.end() }
    let transport = try VhostUserTransport(path: back.path, queuePairCount: 1, logger: Self.quiet)
    try transport.reset()
    try transport.setStatus([.acknowledge, .driver])
    let offered = try transport.offeredFeatures()
    #expect(offered == [.version1, .mergeableReceiveBuffers, .multiqueue], "\(offered)")
    try transport.acceptFeatures([.version1])
    #expect(try transport.queueLimit() == 2 && transport.maximumQueueSize(2) == 0)
    #expect(try transport.readConfiguration(offset: 0, byteCount: 6) == nil)
    let region = try Region(byteCount: 65_536, backing: .shared, pages: .ordinary)
    #expect(try transport.map(region) == UInt64(region.address))
    let before = back.numbers
    #expect(!before.contains(37) && !before.contains(8), "nothing is given before DRIVER_OK")
    let layout = VirtqueueLayout(
      size: 256, isPacked: true, descriptorAddress: UInt64(region.address),
      driverAddress: UInt64(region.address) + 4096,
      deviceAddress: UInt64(region.address) + 8192)
    guard case .eventFile = try transport.startQueue(0, layout) else { return #expect(Bool(false)) }
    try transport.setStatus(.driverOK)
    #expect(Array(back.numbers[before.count...]) == [37, 8, 10, 9, 14, 13, 12, 18, 39])
    #expect(back.request(2)?.payload == FakeBackEnd.Request.number(0x1_4000_0000), "VERSION_1 and protocol features")
    #expect(back.request(10)?.payload == [0, 0, 0, 0, 0, 0x80, 0, 0x80], "both wrap counters are 1")
    #expect(back.request(39)?.payload == FakeBackEnd.Request.number(15))
    try transport.unmap(region.id)
    #expect(back.numbers.last == 38)
    try transport.reset()
    #expect(Array(back.numbers.suffix(2)) == [11, 39] && back.request(39)?.payload == FakeBackEnd.Request.number(0))
  }

  @Test("without slots the table is sent anew; ordinary memory is refused; too many regions too")
  func table() throws {
    let back = FakeBackEnd { FakeBackEnd.orderly($0, protocolFeatures: 8) }
    defer { back.end() }
    let transport = try VhostUserTransport(path: back.path, logger: Self.quiet)
    try transport.reset()
    let plain = try Region(byteCount: 4096)
    #expect(throws: QueueError.self) { try transport.map(plain) }
    var regions: [RegionBox] = []
    for _ in 0..<8 { regions.append(RegionBox(try Region(byteCount: 4096, backing: .shared))) }
    for box in regions { _ = try transport.map(box.region) }
    try transport.setStatus(.driverOK)
    #expect(back.numbers.last == 5 && back.request(5)?.payload.count == 8 + 8 * 32)
    let ninth = try Region(byteCount: 4096, backing: .shared)
    #expect(throws: QueueError.self) { try transport.map(ninth) }
    #expect(throws: QueueError.self, "not entered") { try transport.unmap(ninth.id) }
    try transport.unmap(regions[0].region.id)
    #expect(back.request(5)?.payload.count == 8 + 7 * 32)
  }

  @Test("a back end that maps eight regions takes seven queue pairs: all rings lie in one")
  func manyQueuePairs() throws {
    // Multiqueue and acknowledgements, but no slots; seven queue pairs.
    let back = FakeBackEnd { request in
      request.number == VhostUserRequest.getQueueNumber.rawValue
        ? FakeBackEnd.number(7) : FakeBackEnd.orderly(request, protocolFeatures: 9)
    }
    defer { back.end() }
    let transport = try VhostUserTransport(path: back.path, queuePairCount: 7, logger: Self.quiet)
    let device = try VirtioNetDevice(transport, pairCount: 7)
    var ports: [PortBox] = []
    for pair in 0..<7 { ports.append(PortBox(try VirtioNetPort(device, pair: pair))) }
    #expect(back.request(5)?.payload.count == 8 + 32, "the rings of all")
    var regions: [RegionBox] = []
    for box in ports {
      regions.append(RegionBox(try Region(byteCount: 4096, backing: .shared)))
      try box.port.register(regions[regions.count - 1].region)
    }
    #expect(back.request(5)?.payload.count == 8 + 8 * 32)
    let ninth = try Region(byteCount: 4096, backing: .shared)
    #expect(throws: QueueError.self) { try ports[0].port.register(ninth) }
    for (box, region) in zip(ports, regions) { try box.port.deregister(region.region) }
    ports = []
  }

  @Test("more queue pairs than the back end has regions for are refused at once")
  func tooManyQueuePairs() {
    let back = FakeBackEnd { FakeBackEnd.orderly($0, protocolFeatures: 9) }
    defer { back.end() }
    do throws(VirtioError) {
      _ = try VhostUserTransport(path: back.path, queuePairCount: 8, logger: Self.quiet)
      #expect(Bool(false), "eight were taken")
    } catch {
      let text = "the back end maps 8 regions of memory, which do for 7 queue pairs; ask for fewer queues"
      #expect("\(error)" == "vhost-user(\(back.path)): \(text)")
    }
  }

  @Test("a back end that goes: presence ends, sleepers are woken, and when it is back the driver begins again")
  func reconnect() throws {
    let shared = Shared()
    let back = FakeBackEnd { shared.isClosing ? .close : FakeBackEnd.orderly($0) }
    defer { back.end() }
    let transport = try VhostUserTransport(path: back.path, logger: Self.quiet)
    try transport.reset()
    #expect(transport.isPresent && transport.epoch == 0)
    shared.isClosing = true
    #expect(throws: VirtioError.self) { try transport.acceptFeatures([.version1]) }
    var files = pollfd(fd: transport.wakeFile(0), events: Int16(POLLIN), revents: 0)
    #expect(unsafe poll(&files, 1, 1000) == 1, "a sleeper is woken")
    shared.isClosing = false
    #expect(waitUntil { transport.isPresent && transport.epoch >= 1 })
    #expect(throws: VirtioError.self, "another session") { try transport.acceptFeatures([.version1]) }
    try transport.reset()
    try transport.acceptFeatures([.version1])
    #expect(transport.connectionCounts.all == transport.epoch + 1)
  }

  @Test("a lie in the middle ends the connection, and costs nothing else", arguments: Lie.allCases)
  func lieLater(_ lie: Lie) throws {
    let shared = Shared()
    let back = FakeBackEnd { shared.isClosing ? lie.answer($0) : FakeBackEnd.orderly($0) }
    defer { back.end() }
    let transport = try VhostUserTransport(path: back.path, logger: Self.quiet)
    try transport.reset()
    shared.isClosing = true
    #expect(throws: VirtioError.self) { try transport.acceptFeatures([.version1]) }
    shared.isClosing = false
    let isBack = waitUntil {
      do throws(VirtioError) {
        try transport.reset()
        try transport.acceptFeatures([.version1])
        return true
      } catch { return false }
    }
    #expect(isBack)
    #expect(lie == .close || transport.connectionCounts.broken >= 1)
  }

  /// What a back end maps, one region a slot, and which requests made no sense.
  private final class Slots: Sendable {
    let mapped = Mutex<Set<[UInt8]>>([])
    let refusals = Atomic<Int>(0)

    func answer(_ request: FakeBackEnd.Request) -> FakeBackEnd.Answer {
      switch request.number {
      case 37 where !mapped.withLock({ $0.insert(request.payload).inserted }),
        38 where mapped.withLock({ $0.remove(request.payload) }) == nil:
        refusals.add(1, ordering: .relaxed)
        return FakeBackEnd.number(1)
      default: return FakeBackEnd.orderly(request)
      }
    }
  }

  @Test("after a reset in the same connection the back end hears of what has changed in memory, and of nothing twice")
  func memoryAfterReset() throws {
    let slots = Slots()
    let back = FakeBackEnd { slots.answer($0) }
    defer { back.end() }
    let transport = try VhostUserTransport(path: back.path, logger: Self.quiet)
    func begin() throws {
      try transport.reset()
      try transport.acceptFeatures([.version1])
      try transport.setStatus(.driverOK)
    }
    func region() throws -> Region { try Region(byteCount: 65_536, backing: .shared, pages: .ordinary) }
    let stays = try region()
    let goes = try region()
    let comes = try region()
    _ = try transport.map(stays)
    _ = try transport.map(goes)
    try begin()
    try transport.reset()
    try transport.unmap(goes.id)
    _ = try transport.map(comes)
    try begin()
    #expect(slots.refusals.load(ordering: .relaxed) == 0)
    #expect(slots.mapped.withLock { $0.count } == 2)
    #expect(transport.connectionCounts.all == 1)
  }

  @Test("vrings that were given are taken back, though the start failed half way")
  func halfStarted() throws {
    let back = FakeBackEnd { request in
      // SET_VRING_ENABLE of vring 2.
      request.number == 18 && request.payload[0] == 2 ? FakeBackEnd.number(1) : FakeBackEnd.orderly(request)
    }
    defer { back.end() }
    let transport = try VhostUserTransport(path: back.path, queuePairCount: 2, logger: Self.quiet)
    let device = try VirtioNetDevice(transport, pairCount: 2)
    let first = try VirtioNetPort(device, pair: 0)
    #expect(throws: VirtioError.self) { _ = try VirtioNetPort(device, pair: 1) }
    #expect(back.numbers.filter { $0 == 11 }.count == 3, "GET_VRING_BASE for vrings 0, 1 and 2")
    _ = consume first
  }
}

/// What a back end can do wrong in any answer.
enum Lie: CaseIterable, Sendable {
  case silent, close, otherRequest, noReplyBit, otherVersion, short, long, huge, file, twice

  /// What is said of it.
  var fault: String {
    switch self {
    case .silent: "it did not answer within 2000 ms"
    case .close: "it closed the connection"
    case .otherRequest: "it answered another request, number 99"
    case .noReplyBit: "it answered with flags 0x1"
    case .otherVersion: "it answered with flags 0x6"
    case .short: "it answered with a payload of 4 bytes"
    case .long: "it answered with a payload of 16 bytes"
    case .huge: "it answered with a payload of 4294967295 bytes"
    case .file: "it sent file descriptors along, which nobody had asked for"
    case .twice: "it sent something that nobody had asked for"
    }
  }

  func answer(_ request: FakeBackEnd.Request) -> FakeBackEnd.Answer {
    func raw(_ words: [UInt32]) -> FakeBackEnd.Answer {
      var bytes: [UInt8] = []
      for word in words { bytes.append(native: word) }
      return .bytes(bytes)
    }
    let number = request.number
    switch self {
    case .silent: return .nothing
    case .close: return .close
    case .otherRequest: return raw([99, 5, 8, 0, 0])
    case .noReplyBit: return raw([number, 1, 8, 0, 0])
    case .otherVersion: return raw([number, 6, 8, 0, 0])
    case .short: return raw([number, 5, 4, 0])
    case .long: return raw([number, 5, 16, 0, 0, 0, 0])
    case .huge: return raw([number, 5, .max, 0, 0])
    case .file: return .withFile([0, 0, 0, 0, 0, 0, 0, 0])
    case .twice: return raw([number, 5, 8, 0x4000_0000, 1, number, 5, 8, 0x4000_0000, 1])
    }
  }
}

private final class Shared: Sendable {
  private let flag = Atomic<Bool>(false)

  var isClosing: Bool {
    get { flag.load(ordering: .acquiring) }
    set { flag.store(newValue, ordering: .releasing) }
  }
}

private final class RegionBox {
  let region: Region
  init(_ region: consuming Region) { self.region = region }
}

private final class PortBox {
  var port: VirtioNetPort
  init(_ port: consuming VirtioNetPort) { self.port = port }
}

extension FakeBackEnd.Request {
  static func number(_ value: UInt64) -> [UInt8] {
    var bytes: [UInt8] = []
    bytes.append(native: value)
    return bytes
  }
}
