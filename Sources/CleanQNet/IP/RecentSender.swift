internal import CleanQ
internal import CleanQWire

/// The sender of the last common packet, as words of its frame, and what becomes of the next ones.
struct RecentSender: BitwiseCopyable, Sendable {
  private var path = IPv4Frame.Path.none

  /// Strips the headers of common packets of this sender, from the first, and writes their metadata.
  ///
  /// - Returns: how many packets, and the bytes of their payloads.
  @inline(never)
  func accept(_ buffers: consuming MutableSpan<Buffer>) -> (count: Int, byteCount: Int) {
    var index = 0
    var byteCount = 0
    while index < buffers.count {
      let payload = accept(&buffers[index])
      guard payload >= 0 else { break }
      byteCount &+= payload
      index &+= 1
    }
    return (index, byteCount)
  }

  /// Strips the headers of a common packet of this sender and writes its metadata.
  ///
  /// - Returns: the bytes of its payload; -1, with nothing changed, where the packet is not a common one.
  @inline(__always)
  private func accept(_ buffer: inout Buffer) -> Int {
    guard buffer.isSingle, buffer.hasMetadata, let packet = recognise(buffer.bytes) else { return -1 }
    let frameOffset = buffer.headroom
    guard buffer.trimFront(IPv4Frame.byteCount, keeping: packet.payload) else { return -1 }
    // SAFETY: it has metadata.
    let line = unsafe MetadataWords(buffer)
    unsafe line.addresses = path.addresses
    unsafe line.marks =
      UInt32(packet.hopsAndProtocol) | MetadataMarks.ipv4 | UInt32(EthernetHeader.byteCount) << 24
    unsafe line.place(headerByteCount: IPv4Header.byteCount, frameOffset: frameOffset)
    return packet.payload
  }

  /// What a common packet says: hops and protocol, and the bytes of its payload. Nil where it is not a common one.
  @inline(__always)
  private func recognise(_ bytes: Span<UInt8>) -> (hopsAndProtocol: UInt16, payload: Int)? {
    guard bytes.count >= IPv4Frame.byteCount else { return nil }
    let frame = IPv4Frame(bytes)
    let header = frame.ip
    guard frame.path == path, header.isWholeDatagram else { return nil }
    let payload = header.totalByteCount &- IPv4Header.byteCount
    guard UInt(bitPattern: payload) <= UInt(bitPattern: bytes.count &- IPv4Frame.byteCount), header.isChecksumValid
    else { return nil }
    return (header.hopsAndProtocol, payload)
  }

  /// Takes the path of another packet's frame for the recent one.
  ///
  /// - Returns: whether it is another than before.
  mutating func adopt(_ frame: IPv4Frame) -> Bool {
    guard frame.path != path else { return false }
    path = frame.path
    return true
  }
}
