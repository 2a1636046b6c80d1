internal import CPlatform
internal import Glibc

/// A socket to the kernel's rtnetlink, in the network namespace of the thread that opened it. Closed when the value goes.
///
/// A request may wait for other changes to the machine's network, which the kernel makes one at a time: this is for set-up and
/// not for a thread that moves packets. Thread-confined; may be sent to another thread.
package struct NetlinkSocket: ~Copyable, Sendable {
  /// The kernel has answered when a request has been sent; should it ever not, the request fails.
  private static let timeoutSeconds = 2
  /// The longest answer. Source: NLMSG_GOODSIZE is a page at least; a dump fills no more than 32 KiB.
  private static let answerByteCount = 65_536

  private let file: Int32
  private var sequence: UInt32 = 0

  /// Sets `errno` and returns nil if none is available.
  package init?() {
    file = socket(CPLATFORM_AF_NETLINK, Int32(SOCK_RAW.rawValue | SOCK_CLOEXEC.rawValue), CPLATFORM_NETLINK_ROUTE)
    if file < 0 { return nil }
    var limit = timeval(tv_sec: Self.timeoutSeconds, tv_usec: 0)
    // SAFETY: the kernel reads one local variable.
    unsafe setsockopt(file, SOL_SOCKET, SO_RCVTIMEO, &limit, socklen_t(MemoryLayout<timeval>.size))
  }

  deinit { if file >= 0 { close(file) } }

  /// Asks for a change.
  ///
  /// - Returns: nil when it is made, else the error number.
  package mutating func perform(_ type: UInt16, flags: UInt16 = 0, _ payload: [UInt8]) -> Int32? {
    var messages: [NetlinkMessage] = []
    return exchange(type, flags: flags | CPLATFORM_NLM_F_ACK, payload, into: &messages)
  }

  /// Asks for everything of a kind.
  ///
  /// - Returns: nil where the kernel does not tell; `errno` says why.
  package mutating func dump(_ type: UInt16, _ payload: [UInt8]) -> [NetlinkMessage]? {
    var messages: [NetlinkMessage] = []
    if let number = exchange(type, flags: CPLATFORM_NLM_F_DUMP, payload, into: &messages) {
      errno = number
      return nil
    }
    return messages
  }

  private mutating func exchange(
    _ type: UInt16, flags: UInt16, _ payload: [UInt8], into messages: inout [NetlinkMessage]
  ) -> Int32? {
    sequence &+= 1
    let request = NetlinkMessage(type: type, sequence: sequence, payload: payload)
      .bytes(flags: flags | CPLATFORM_NLM_F_REQUEST)
    // SAFETY: the array outlives the call and its count is passed with it.
    guard unsafe send(file, request, request.count, 0) == request.count else { return errno }
    var answer = [UInt8](repeating: 0, count: Self.answerByteCount)
    while true {
      // SAFETY: as above; the kernel writes no more than that.
      let count = unsafe recv(file, &answer, answer.count, 0)
      guard count > 0 else {
        if count < 0, errno == EINTR { continue }
        return count < 0 ? errno : EIO
      }
      for message in NetlinkMessage.all(in: answer[..<count]) where message.sequence == sequence {
        switch message.type {
        case CPLATFORM_NLMSG_DONE: return nil
        case CPLATFORM_NLMSG_ERROR:
          let code = Int32(bitPattern: message.payload[...].word(at: 0))
          return code == 0 ? nil : -code
        default: messages.append(message)
        }
      }
    }
  }
}
