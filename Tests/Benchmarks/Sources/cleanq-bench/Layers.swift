import ArgumentParser
import CPlatform
import CleanQ
import CleanQNet
import CleanQNetStages
import CleanQPipeline
import CleanQWire

/// Ethernet, IPv4 and UDP, memory to memory: each packet is received and its echo transmitted, with the IP and the UDP
/// checksum verified and generated. Cycles per packet for both, without what the wire and the loop cost by themselves.
struct Layers: ParsableCommand {
  @Option(help: "Bytes of UDP payload.")
  var payload = 64
  @Option(help: "Packets that are echoed.")
  var packets = 8_000_000
  @Option(help: "Packets that go round: 32, or a power of two of so many that they are in no near cache.")
  var buffers = Burst.capacity

  /// An odd number of cache lines: buffers a power of two apart would share a few sets of the first-level cache.
  static let bufferByteCount = 2112
  static let address = "10.0.0.2/24"
  static let peer = IPv4Address(10, 0, 0, 1)
  static let peerMAC = MACAddress(2, 0, 10, 0, 0, 1)

  func validate() throws {
    guard (0...1472).contains(payload), packets >= 10 * buffers, buffers >= Burst.capacity,
      buffers & (buffers - 1) == 0, buffers <= 1 << 18
    else {
      throw ValidationError(
        "--payload 0 to 1472, --buffers a power of two from 32 to 2^18, --packets ten times as many")
    }
  }

  func run() throws {
    _ = cplatform_pin_current_thread(0)
    if buffers == Burst.capacity {
      try run(on: LoopbackPort<Frame>(), LoopbackPort<Frame>())
    } else {
      try run(on: LongWire(slotCount: buffers), LongWire(slotCount: buffers))
    }
  }

  private func run<Line: Port & ~Copyable>(on line: consuming Line, _ other: consuming Line) throws
  where Line.Unit == Frame {
    let region = try Region(byteCount: (2 * buffers + 2) * Self.bufferByteCount)
    let configuration = try IPConfiguration(address: Self.address)
    let stack = UDPPort(on: IPPort(on: ReflectingWire(lower: line), configuration), ports: [7])
    var layers = Junction(stack, EchoPort<Datagram>())
    var bare = Junction(ReflectingWire(lower: other), EchoPort<Frame>())
    try layers.left.register(region)
    try layers.right.register(region)
    try bare.left.register(region)
    try bare.right.register(region)

    introducePeer(to: &layers, region, configuration)
    fill(&layers.left.lower.lower.lower, region, configuration)
    fill(&bare.left.lower, region, configuration)
    let turns = packets / Burst.capacity
    _ = lap(&layers, turns / 10)
    _ = lap(&bare, turns / 10)
    let cycles = Double(lap(&layers, turns)) - Double(lap(&bare, turns))
    let value = cycles / Double(turns * Burst.capacity)
    let suffix = buffers == Burst.capacity ? "" : "/buffers=\(buffers)"
    Figure(name: "layers/udp/payload=\(payload)\(suffix)", unit: "cycles/packet", value: value).print()
  }

  /// Answers the layer's wish to know its neighbour: a question from the neighbour does.
  private func introducePeer<Line: Port & ~Copyable>(
    to junction: inout Junction<UDPPort<IPPort<ReflectingWire<Line>>>, EchoPort<Datagram>>, _ region: borrowing Region,
    _ configuration: IPConfiguration
  ) where Line.Unit == Frame {
    let question = ARPPacket.request(for: configuration.prefix.address, from: Self.peerMAC, Self.peer)
    var frame = Burst()
    var buffer = buffer(region, byteCount: ARPPacket.byteCount)
    var bytes = buffer.mutableBytes
    question.emit(into: &bytes)
    prependEthernet(&buffer, to: .broadcast, .arp)
    frame.append(buffer)
    _ = junction.left.lower.lower.lower.transmit(&frame)
    var none = Burst()
    junction.left.receive(into: &none)
    // The answer is on the wire: taken off, since the wire would answer it.
    var answer = Burst()
    junction.left.lower.lower.lower.receive(into: &answer)
    guard answer.count == 1, none.isEmpty else { fatalError("no answer to the question") }
    answer.releaseAll()
  }

  /// Puts datagrams on the wire.
  private func fill<Line: Port & ~Copyable>(
    _ wire: inout Line, _ region: borrowing Region, _ configuration: IPConfiguration
  ) {
    for _ in 0..<(buffers / Burst.capacity) { fillBurst(&wire, region, configuration) }
  }

  private func fillBurst<Line: Port & ~Copyable>(
    _ wire: inout Line, _ region: borrowing Region, _ configuration: IPConfiguration
  ) {
    var burst = Burst()
    for _ in 0..<Burst.capacity {
      let (source, destination) = (Self.peer, configuration.prefix.address)
      var buffer = buffer(region, byteCount: UDPHeader.byteCount + payload)
      var datagram = buffer.mutableBytes
      for index in 0..<datagram.count { datagram[index] = UInt8(truncatingIfNeeded: index &* 37) }
      UDPHeader(sourcePort: 4000, destinationPort: 7, payloadByteCount: payload)
        .emit(into: &datagram, source: source, destination: destination)
      guard buffer.prepend(IPv4Header.byteCount) else { fatalError("no headroom") }
      var packet = buffer.mutableBytes
      IPv4Header(source: source, destination: destination, protocol: .udp, payloadByteCount: 8 + payload)
        .emit(into: &packet)
      prependEthernet(&buffer, to: configuration.defaultMAC, .ipv4)
      burst.append(buffer)
    }
    guard wire.transmit(&burst) == nil else { fatalError("refused") }
  }

  /// An empty packet with room for the headers in front.
  private func buffer(_ region: borrowing Region, byteCount: Int) -> Buffer {
    guard var buffer = region.buffer(byteCount: Self.bufferByteCount),
      buffer.setValid(offset: Buffer.standardHeadroom + 34, byteCount: byteCount)
    else { fatalError("the region is too small") }
    buffer.flags = .last
    return buffer
  }

  private func prependEthernet(_ buffer: inout Buffer, to destination: MACAddress, _ etherType: EtherType) {
    guard buffer.prepend(EthernetHeader.byteCount) else { fatalError("no headroom") }
    var bytes = buffer.mutableBytes
    EthernetHeader(destination: destination, source: Self.peerMAC, etherType: etherType).emit(into: &bytes)
  }

  /// Turns, each of which echoes one burst.
  private func lap<Left: Port & ~Copyable, Right: Port & ~Copyable>(
    _ junction: inout Junction<Left, Right>, _ turns: Int
  ) -> UInt64 where Left.Unit == Right.Unit {
    let start = cplatform_timestamp()
    for _ in 0..<turns {
      guard junction.turn() == 2 * Burst.capacity else { fatalError("packets were lost") }
    }
    return cplatform_timestamp() - start
  }
}
