/// What is wrong with what a back end says, or with its silence. It is not trusted: all that it does ends in one of these.
enum VhostUserFault: Error, Equatable, Sendable {
  /// The connection ended.
  case closed
  /// It has used up the time that it had, for the whole of an exchange.
  case silent(milliseconds: UInt64)
  /// Bytes came that nobody had asked for.
  case unasked
  /// The answer is to another request: this number.
  case otherRequest(UInt32)
  /// The flags of the answer: another version, no reply bit, or bits that an answer does not have.
  case badFlags(UInt32)
  /// The payload does not have the size of this answer.
  case badSize(UInt32)
  /// Files came along, which no answer carries; the kernel has closed them.
  case files
  /// An answer that contradicts the question: another vring, another part of the configuration.
  case contradiction
  /// The back end says that it could not do what it was asked.
  case refused(UInt64)
  /// It took pages of shared memory away.
  case tookMemory(byteCount: Int)
  /// The operating system's error number.
  case system(Int32)
}

extension VhostUserFault: CustomStringConvertible {
  var description: String {
    switch self {
    case .closed: "it closed the connection"
    case .silent(let milliseconds): "it did not answer within \(milliseconds) ms"
    case .unasked: "it sent something that nobody had asked for"
    case .otherRequest(let number): "it answered another request, number \(number)"
    case .badFlags(let flags): "it answered with flags 0x\(String(flags, radix: 16))"
    case .badSize(let size): "it answered with a payload of \(size) bytes"
    case .files: "it sent file descriptors along, which nobody had asked for"
    case .contradiction: "its answer is not to the question"
    case .refused(let code): "it refused, with code \(code)"
    case .tookMemory(let byteCount): "it took \(byteCount) bytes of shared memory away, by a hole in hugepages"
    case .system(let number): "the connection failed with error \(number)"
    }
  }
}

/// The checks of what comes back. Pure: bytes in, value or fault out.
enum VhostUserReply {
  /// Checks the twelve bytes before an answer.
  ///
  /// - Returns: how many bytes of payload follow, one of `sizes`.
  static func payloadByteCount(
    header: [UInt8], of request: VhostUserRequest, sizes: ClosedRange<Int>
  ) throws(VhostUserFault) -> Int {
    guard let number = header.native(UInt32.self, at: 0), let flags = header.native(UInt32.self, at: 4),
      let size = header.native(UInt32.self, at: 8)
    else { throw .closed }
    guard number == request.rawValue else { throw .otherRequest(number) }
    // Some back ends leave the need-reply bit of the question in the answer.
    let expected = VhostUserMessage.version | VhostUserMessage.replyFlag
    guard flags & ~VhostUserMessage.needReplyFlag == expected else { throw .badFlags(flags) }
    guard sizes.contains(Int(size)) else { throw .badSize(size) }
    return Int(size)
  }

  /// A single number.
  static func value(_ payload: [UInt8]) throws(VhostUserFault) -> UInt64 {
    guard payload.count == 8, let value = payload.native(UInt64.self, at: 0) else {
      throw .badSize(UInt32(payload.count))
    }
    return value
  }

  /// The number in a vring state, which has to be that of the vring asked about.
  static func number(_ payload: [UInt8], ofVring index: Int) throws(VhostUserFault) -> UInt32 {
    guard payload.count == 8, let vring = payload.native(UInt32.self, at: 0),
      let number = payload.native(UInt32.self, at: 4)
    else { throw .badSize(UInt32(payload.count)) }
    guard Int(vring) == index else { throw .contradiction }
    return number
  }

  /// The bytes of the device configuration; nil where the back end has none at that place, which it says by an empty payload.
  static func configuration(
    _ payload: [UInt8], offset: Int, byteCount: Int
  ) throws(VhostUserFault) -> [UInt8]? {
    if payload.isEmpty { return nil }
    guard payload.count == 12 + byteCount else { throw .badSize(UInt32(payload.count)) }
    guard payload.native(UInt32.self, at: 0) == UInt32(offset), payload.native(UInt32.self, at: 4) == UInt32(byteCount)
    else { throw .contradiction }
    return Array(payload[12...])
  }
}
