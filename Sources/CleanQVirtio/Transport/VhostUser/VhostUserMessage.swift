/// A request as bytes. Everything is in the machine's own order. Source: [vhost-user, "Message Specification"].
struct VhostUserMessage: Equatable, Sendable {
  /// Request, flags and payload size, 32 bits each.
  static let headerByteCount = 12
  /// Bits 0 and 1 of the flags.
  static let version: UInt32 = 1
  /// Bit 2: the message is an answer.
  static let replyFlag: UInt32 = 1 << 2
  /// Bit 3: the back end is to acknowledge.
  static let needReplyFlag: UInt32 = 1 << 3

  let request: VhostUserRequest
  var payload: [UInt8] = []
  /// Files that travel along; they stay the sender's.
  var files: [Int32] = []

  /// The message as it is sent.
  func bytes(needsReply: Bool) -> [UInt8] {
    var bytes: [UInt8] = []
    bytes.reserveCapacity(Self.headerByteCount + payload.count)
    bytes.append(native: request.rawValue)
    bytes.append(native: Self.version | (needsReply ? Self.needReplyFlag : 0))
    bytes.append(native: UInt32(payload.count))
    return bytes + payload
  }
}

extension VhostUserMessage {
  init(_ request: VhostUserRequest, value: UInt64) {
    self.init(request: request)
    payload.append(native: value)
  }

  /// A vring state: an index and a number.
  init(_ request: VhostUserRequest, vring index: Int, number: UInt32) {
    self.init(request: request)
    payload.append(native: UInt32(truncatingIfNeeded: index))
    payload.append(native: number)
  }

  /// An eventfd for a vring: bits 0 to 7 of the value are its index.
  init(_ request: VhostUserRequest, vring index: Int, file: Int32) {
    self.init(request, value: UInt64(index & 0xFF))
    files = [file]
  }

  /// The absence of one: bit 8 says that there is no file, and that the vring is to be polled.
  init(_ request: VhostUserRequest, vringWithoutFile index: Int) {
    self.init(request, value: UInt64(index & 0xFF) | 1 << 8)
  }

  /// Where a virtqueue lies: index, flags, descriptor table, used ring, available ring, log.
  init(vring index: Int, at layout: VirtqueueLayout) {
    self.init(request: .setVringAddress)
    payload.append(native: UInt32(truncatingIfNeeded: index))
    payload.append(native: UInt32(0))
    payload.append(native: layout.descriptorAddress)
    payload.append(native: layout.deviceAddress)
    payload.append(native: layout.driverAddress)
    payload.append(native: UInt64(0))
  }

  /// A question for part of the device configuration: offset, size, flags, and room for the answer.
  init(configurationOffset offset: Int, byteCount: Int) {
    self.init(request: .getConfiguration)
    payload.append(native: UInt32(truncatingIfNeeded: offset))
    payload.append(native: UInt32(truncatingIfNeeded: byteCount))
    payload.append(native: UInt32(0))
    payload += [UInt8](repeating: 0, count: byteCount)
  }

  /// The whole memory table: count, padding, regions.
  init(table: [VhostUserRegion]) {
    self.init(request: .setMemoryTable)
    payload.append(native: UInt32(truncatingIfNeeded: table.count))
    payload.append(native: UInt32(0))
    for region in table { region.append(to: &payload) }
    files = table.map(\.file)
  }

  /// One region more, or less: padding, region. One that goes is named by its description alone.
  init(_ request: VhostUserRequest, region: VhostUserRegion) {
    self.init(request: request)
    payload.append(native: UInt64(0))
    region.append(to: &payload)
    if request == .addMemoryRegion { files = [region.file] }
  }
}

/// Memory that the back end maps. Guest address and user address are both the address in this process, so descriptors,
/// which hold the former, and rings, which are named by the latter, speak one language.
struct VhostUserRegion: Equatable, Sendable {
  var address: UInt64
  var byteCount: UInt64
  /// The memfd, from offset 0.
  var file: Int32

  /// Guest address, size, user address, offset in the file.
  fileprivate func append(to bytes: inout [UInt8]) {
    bytes.append(native: address)
    bytes.append(native: byteCount)
    bytes.append(native: address)
    bytes.append(native: UInt64(0))
  }
}

extension [UInt8] {
  /// Appends a number in the machine's order.
  mutating func append<Number: FixedWidthInteger>(native number: Number) {
    for index in 0..<(Number.bitWidth / 8) {
      append(UInt8(truncatingIfNeeded: Number(littleEndian: number) >> (8 * Number(index))))
    }
  }

  /// The number in the machine's order at an offset; nil beyond the end.
  func native<Number: FixedWidthInteger>(_ type: Number.Type, at offset: Int) -> Number? {
    let byteCount = Number.bitWidth / 8
    guard offset >= 0, offset <= count - byteCount else { return nil }
    var number: Number = 0
    for index in 0..<byteCount { number |= Number(self[offset + index]) << (8 * Number(index)) }
    return Number(littleEndian: number)
  }
}
