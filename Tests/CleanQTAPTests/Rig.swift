import CleanQ
import CleanQPipeline
import CleanQPlatform
import CleanQWire
import CleanQTAPStages
import Glibc
import Testing
import TestSupport

@testable import CleanQTAP

/// A TAP device with the address 10.9.0.1 on the kernel's side, a socket there, and buffers.
struct Rig: ~Copyable {
  var port: TAPPort
  let region: Region
  let socket: KernelSocket
  let log: Log

  init(_ io: TAP.IO, buffers: Int = 256, byteCount: Int = 2048, mtu: Int? = nil, offload: Bool = false) throws {
    let log = Log()
    var port = try TAP("tap0", address: "10.9.0.1/24", mtu: mtu, io: io, offload: offload).open(in: log.context)
    let region = try Region(byteCount: 2 * max(buffers, 64) * byteCount)
    try port.register(region)
    var spare = Burst()
    for _ in 0..<buffers {
      if let buffer = region.buffer(byteCount: byteCount) { spare.append(buffer) }
      if spare.room == 0 { port.fill(&spare) }
    }
    port.fill(&spare)
    check(spare.isEmpty)
    let socket = try KernelSocket()
    self.log = log
    self.socket = socket
    self.port = port
    self.region = region
  }

  /// A buffer that the port has not got.
  func buffer(_ bytes: [UInt8], byteCount: Int = 2048) throws -> Buffer {
    guard var buffer = region.buffer(byteCount: byteCount) else { throw StageError("rig", "no buffers") }
    buffer.put(bytes)
    return buffer
  }

  /// Receives until `isDone` says so or two seconds are over; gives the buffers back.
  mutating func receive(while isWanted: () -> Bool, _ each: (borrowing Buffer) -> Void) {
    let end = MonotonicTime.now.advanced(byMilliseconds: 2000)
    var burst = Burst()
    while isWanted(), MonotonicTime.now < end {
      port.receive(into: &burst)
      for index in 0..<burst.count { each(burst[index]) }
      port.fill(&burst)
      check(burst.isEmpty)
      port.notify()
    }
  }

  /// Receives so many frames to UDP port 7 and returns their numbers.
  mutating func numbers(_ count: Int) -> [Int] {
    var numbers: [Int] = []
    receive(while: { numbers.count < count }) { buffer in
      if let payload = UDPFrame.payload(buffer) { numbers.append(UDPFrame.number(in: payload)) }
    }
    return numbers
  }

  var report: StageReport {
    mutating get {
      let reports = port.report().stages
      return reports[0]
    }
  }

  mutating func drops(_ name: String) -> UInt64 { report.drops.first { $0.name == name }?.value ?? 0 }

  mutating func counter(_ name: String) -> UInt64 { report.counters.first { $0.name == name }?.value ?? 0 }
}

/// Changes and removals of devices from the kernel's side.
enum Administrator {
  private static func withSocket<Result>(_ body: (Int32) throws -> Result) throws -> Result {
    let file = Glibc.socket(AF_INET, Int32(SOCK_DGRAM.rawValue | SOCK_CLOEXEC.rawValue), 0)
    try #require(file >= 0)
    defer { close(file) }
    return try body(file)
  }

  static func get(_ request: Int32, _ name: String = "tap0") throws -> InterfaceRequest {
    try withSocket { file in
      var value = InterfaceRequest(name: name)
      try #require(value.perform(UInt(request), on: file) == nil)
      return value
    }
  }

  /// The IPv4 addresses of the device and their prefixes, in the kernel's order.
  static func addresses(_ name: String = "tap0") throws -> [String] {
    guard var socket = NetlinkSocket() else { throw StageError("rig", "no netlink") }
    // SAFETY: the name outlives the call.
    return InterfaceAddress.all(of: unsafe if_nametoindex(name), by: &socket).map {
      "\(IPv4Address(rawValue: $0.address))/\($0.prefixLength)"
    }
  }

  static func setMTU(_ mtu: Int32, _ name: String = "tap0") throws {
    var value = InterfaceRequest(name: name)
    value.mtu = mtu
    try withSocket { file in try #require(value.perform(UInt(SIOCSIFMTU), on: file) == nil) }
  }

  static func setUp(_ isUp: Bool) throws {
    var value = try get(SIOCGIFFLAGS)
    value.flags = isUp ? value.flags | Int16(IFF_UP) : value.flags & ~Int16(IFF_UP)
    try withSocket { file in try #require(value.perform(UInt(SIOCSIFFLAGS), on: file) == nil) }
  }

  /// Removes a device, as `ip link del` does. Source: rtnetlink(7), RTM_DELLINK.
  static func remove(_ name: String = "tap0") throws {
    // SAFETY: the name outlives the call.
    let index = unsafe if_nametoindex(name)
    var message = [UInt8](repeating: 0, count: 32)
    message[0] = 32
    message[4] = 17  // RTM_DELLINK
    message[6] = 5  // NLM_F_REQUEST | NLM_F_ACK
    for byte in 0..<4 { message[20 + byte] = UInt8(truncatingIfNeeded: index >> (8 * UInt32(byte))) }
    let file = Glibc.socket(16, Int32(SOCK_RAW.rawValue | SOCK_CLOEXEC.rawValue), 0)
    defer { close(file) }
    // SAFETY: both arrays outlive their call, which touches no more bytes than they have.
    try #require(unsafe send(file, message, message.count, 0) == 32)
    var answer = [UInt8](repeating: 0, count: 512)
    try #require(unsafe recv(file, &answer, answer.count, 0) >= 20)
    let error = answer[16..<20].contains { $0 != 0 }
    try #require(!error)
  }
}
