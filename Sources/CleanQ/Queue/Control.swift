/// A question or a setting for what stands at the bottom of a stack of queues. It never moves ownership.
public enum ControlRequest: Equatable, Sendable {
  /// The most bytes that a packet of this queue's kind may have.
  case maximumPacketByteCount
  /// The device's own Ethernet address, as the low 48 bits.
  case hardwareAddress
  /// A setting: from how many buffers the port is served, so that it can share them out. Answered by forks.
  case bufferCount(Int)
}

/// The answer to a ``ControlRequest``.
public enum ControlReply: Equatable, Sendable {
  case byteCount(Int)
  case hardwareAddress(UInt64)
  /// The setting was taken.
  case accepted
}
