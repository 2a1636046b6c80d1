import CleanQ
import CleanQPipeline
import CleanQTAPStages
import Glibc
import Logging
import Synchronization
import Testing
import TestSupport

extension Log {
  var context: PipelineContext { PipelineContext(logger: logger) }
}

extension PipelineContext {
  static var quiet: PipelineContext { Log().context }
}

/// The kernel's end of a link: a UDP socket of 10.9.0.1.
final class KernelSocket: Sendable {
  static let address: UInt32 = 0x0A09_0001
  static let port: UInt16 = 4000
  let file: Int32

  init() throws {
    file = socket(AF_INET, Int32(SOCK_DGRAM.rawValue | SOCK_CLOEXEC.rawValue), 0)
    try #require(file >= 0)
    var one: Int32 = 1
    var limit = timeval(tv_sec: 2, tv_usec: 0)
    var size: Int32 = 4 << 20
    var own = Self.socketAddress(Self.address, Self.port)
    // SAFETY: each call reads one local variable of the size given.
    unsafe setsockopt(file, SOL_SOCKET, SO_BROADCAST, &one, 4)
    unsafe setsockopt(file, SOL_SOCKET, SO_RCVBUF, &size, 4)
    unsafe setsockopt(file, SOL_SOCKET, SO_RCVTIMEO, &limit, socklen_t(MemoryLayout<timeval>.size))
    let result = unsafe withUnsafeBytes(of: &own) { bytes in
      unsafe bind(file, bytes.baseAddress?.assumingMemoryBound(to: sockaddr.self), socklen_t(bytes.count))
    }
    try #require(result == 0)
  }

  deinit { close(file) }

  private static func socketAddress(_ address: UInt32, _ port: UInt16) -> sockaddr_in {
    var value = sockaddr_in()
    value.sin_family = sa_family_t(AF_INET)
    value.sin_addr.s_addr = address.bigEndian
    value.sin_port = port.bigEndian
    return value
  }

  /// Sends to everybody on the link: no ARP is needed.
  @discardableResult
  func broadcast(_ payload: [UInt8], port: UInt16 = 7) -> Bool {
    var other = Self.socketAddress(0x0A09_00FF, port)
    // SAFETY: the address and the payload outlive the call.
    let sent = unsafe withUnsafeBytes(of: &other) { bytes in
      unsafe sendto(
        file, payload, payload.count, 0, bytes.baseAddress?.assumingMemoryBound(to: sockaddr.self),
        socklen_t(bytes.count))
    }
    return sent == payload.count
  }

  /// The next datagram, or nil when none comes for two seconds.
  func receive() -> [UInt8]? {
    // SAFETY: the kernel writes at most as many bytes as there are.
    var bytes = [UInt8](repeating: 0, count: 65_536)
    let count = unsafe recv(file, &bytes, bytes.count, 0)
    return count < 0 ? nil : [UInt8](bytes[..<count])
  }
}
