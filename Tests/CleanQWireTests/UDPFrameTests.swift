import CleanQWire
import Testing
import TestSupport

@Suite("Headers of a UDP frame, read once") struct UDPFrameTests {
  private static let hosts = (IPv4Address(10, 0, 0, 1), IPv4Address(10, 0, 0, 2))

  /// A frame from a port, with zeros as payload.
  private static func frame(
    from source: IPv4Address = hosts.0, port: UInt16 = 4000, identification: UInt16 = 7, payloadByteCount: Int = 10,
    dontFragment: Bool = true
  ) -> [UInt8] {
    let datagram = UDPHeader(sourcePort: port, destinationPort: 7, payloadByteCount: payloadByteCount)
    let header = IPv4Header(
      source: source, destination: hosts.1, protocol: .udp, payloadByteCount: datagram.totalByteCount,
      identification: identification, dontFragment: dontFragment)
    let ethernet = EthernetHeader(
      destination: MACAddress(2, 0, 0, 0, 0, 2), source: MACAddress(2, 0, 0, 0, 0, 1), etherType: .ipv4)
    return writing(zeros(14)) { ethernet.emit(into: &$0) } + writing(zeros(20)) { header.emit(into: &$0) }
      + writing(zeros(datagram.totalByteCount)) { datagram.emit(into: &$0, source: source, destination: hosts.1) }
  }

  // `#expect` takes no spans.
  private static func headers(_ bytes: [UInt8]) -> UDPFrame? { UDPFrame(bytes.span) }

  private static func isWhole(_ bytes: [UInt8]) -> Bool { UDPFrame(bytes.span)?.isWhole(bytes.span) ?? false }

  @Test("A whole datagram is one, and with any bit turned that matters it is not")
  func whole() {
    let frame = Self.frame()
    #expect(Self.isWhole(frame))
    for bit in 0..<(frame.count * 8) {
      let turned = replacing(frame, bit / 8, frame[bit / 8] ^ 1 << UInt8(bit % 8))
      // Ethernet's addresses are in no checksum.
      #expect(Self.isWhole(turned) == (bit < 12 * 8), "bit \(bit)")
    }
    #expect(!Self.isWhole(frame + [0]) && !Self.isWhole(Array(frame.dropLast())))
    #expect(!Self.isWhole(Self.frame(payloadByteCount: 0)) && !Self.isWhole(Self.frame(dontFragment: false)))
    for count in 0..<42 { #expect(Self.headers(Array(frame.prefix(count))) == nil) }
  }

  @Test("A flow is both stations, both hosts and both ports")
  func flow() throws {
    let first = try #require(Self.headers(Self.frame()))
    let next = try #require(Self.headers(Self.frame(identification: 8, payloadByteCount: 3)))
    #expect(next.isSameFlow(as: first) && next.identification == 8)
    for other in [Self.frame(port: 4001), Self.frame(from: IPv4Address(10, 0, 0, 9)), replacing(Self.frame(), 5, 9)] {
      #expect(Self.headers(other)?.isSameFlow(as: first) == false)
    }
  }

  @Test("A batch has the headers of its first datagram, with its own lengths and IP checksum, and a sum to go on with")
  func batch() throws {
    let bytes = Self.frame()
    let frame = try #require(Self.headers(bytes))
    let batch = writing(zeros(45)) { frame.storeBatch(payloadByteCount: 30, into: &$0, at: 3) }.dropFirst(3)
    let header = try value(parseIPv4(Array(batch[17...]) + zeros(30)))
    #expect(header.totalByteCount == 58 && header.source == Self.hosts.0 && header.identification == 7)
    #expect(Array(batch.prefix(16)) == Array(bytes.prefix(16)) && Array(batch[37..<41]) == Array(bytes[34..<38]))
    // Whoever takes it apart sums up from there: with the payload it is as if the whole had been sent.
    let sum = checksum(Array(batch[37...]) + zeros(30))
    let datagram = Array(batch[37..<43]) + [UInt8(sum >> 8), UInt8(sum & 0xFF)] + zeros(30)
    #expect((try? parseUDP(datagram, Self.hosts.0, Self.hosts.1).get())?.totalByteCount == 38)
  }

  @Test("The headers of a batch are those of one frame, whoever rewrites it meanwhile")
  func racing() {
    let frames = [Self.frame(), Self.frame(from: IPv4Address(10, 0, 0, 9), port: 4321, identification: 9)]
    let forged = replacing(frames[0], 26, 127)
    let batches = frames.map { bytes in
      writing(zeros(42)) { Self.headers(bytes)?.storeBatch(payloadByteCount: 30, into: &$0, at: 0) }
    }
    let memory = UnsafeMutableRawBufferPointer.allocate(byteCount: frames[0].count, alignment: 64)
    // SAFETY: the memory stays until the racer has stopped.
    unsafe memory.copyBytes(from: frames[0])
    guard let start = memory.baseAddress else { return }
    let racer = unsafe Racer(at: start, frames + [forged])
    defer {
      racer.stop()
      unsafe memory.deallocate()
    }
    let clock = ContinuousClock()
    let end = clock.now + .milliseconds(500)
    while clock.now < end {
      let bytes = unsafe Span<UInt8>(_unsafeStart: start.assumingMemoryBound(to: UInt8.self), count: frames[0].count)
      guard let frame = UDPFrame(bytes), frame.isWhole(bytes) else { continue }
      let batch = writing(zeros(42)) { frame.storeBatch(payloadByteCount: 30, into: &$0, at: 0) }
      #expect(batches.contains(batch))
    }
  }
}
