@testable import CleanQVirtio

/// What a device does with packets.
extension ModelDevice {
  static let headerByteCount = 12

  /// Takes one packet that was sent, and completes it. Returns its frame, without the header; nil where there is none.
  @discardableResult
  func send(pair: Int = 0, keep: Bool = false) -> [UInt8]? {
    guard bits.contains(.driverOK), let queue = queues[2 * pair + 1], let chain = queue.take() else { return nil }
    let bytes = read(chain)
    if !keep { queue.use(chain, byteCount: 0) }
    precondition(bytes.count >= Self.headerByteCount && bytes.prefix(Self.headerByteCount).allSatisfy { $0 == 0 })
    return Array(bytes.dropFirst(Self.headerByteCount))
  }

  func read(_ chain: ModelChain) -> [UInt8] {
    var bytes: [UInt8] = []
    for part in chain.parts {
      precondition(!part.isWritable, "a transmit queue has a buffer to write to")
      precondition(part.byteCount > 0, "a descriptor names no byte")
      guard let pointer = unsafe pointer(part.address, part.byteCount) else {
        preconditionFailure("the driver named memory that is not mapped")
      }
      for index in 0..<part.byteCount { unsafe bytes.append(pointer.load(fromByteOffset: index, as: UInt8.self)) }
    }
    return bytes
  }

  /// Receives a frame: into one buffer, or, where buffers merge, into as many as it needs.
  ///
  /// - Parameter promise: how many buffers the header says the frame takes; nil for the truth.
  /// - Returns: false where the driver has not made enough available; those taken are then kept.
  @discardableResult
  func receive(
    _ frame: [UInt8], pair: Int = 0, flags: UInt8 = 0, checksumStart: Int = 0, checksumOffset: Int = 0,
    partByteCount: Int = .max, promise: Int? = nil
  ) -> Bool {
    guard bits.contains(.driverOK), let queue = queues[2 * pair] else { return false }
    let isMergeable = accepted.contains(.mergeableReceiveBuffers)
    var rest = [flags, 0, 0, 0, 0, 0] + little(checksumStart) + little(checksumOffset) + [1, 0] + frame
    var parts: [(ModelChain, [UInt8])] = []
    while !rest.isEmpty {
      guard let chain = queue.take() else { return false }
      precondition(chain.parts.allSatisfy(\.isWritable) && chain.parts.count == 1)
      let count = min(rest.count, chain.byteCount, isMergeable ? partByteCount : .max)
      parts.append((chain, Array(rest.prefix(count))))
      rest.removeFirst(count)
      if !isMergeable { break }
    }
    if isMergeable { parts[0].1.replaceSubrange(10..<12, with: little(promise ?? parts.count)) }
    for (chain, bytes) in parts { write(bytes, to: chain) }
    for (chain, bytes) in parts { queue.use(chain, byteCount: bytes.count) }
    return true
  }

  func write(_ bytes: [UInt8], to chain: ModelChain) {
    guard let pointer = unsafe pointer(chain.parts[0].address, bytes.count) else {
      preconditionFailure("the driver named memory that is not mapped")
    }
    for index in 0..<bytes.count { unsafe pointer.storeBytes(of: bytes[index], toByteOffset: index, as: UInt8.self) }
  }

  private func little(_ value: Int) -> [UInt8] { [UInt8(value & 0xFF), UInt8(value >> 8 & 0xFF)] }

  /// Receives what was sent, so many packets at most.
  func loop(_ count: Int, pair: Int = 0) {
    for _ in 0..<count { if let frame = send(pair: pair) { receive(frame, pair: pair) } }
  }
}
