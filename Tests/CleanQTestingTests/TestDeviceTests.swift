import CleanQ
import CleanQTesting
import CleanQWire
import Testing

/// A stage that forgets to report what it holds, and one that drops buffers on the floor.
private struct Faulty<Lower: Port & ~Copyable>: StackedPort, ~Copyable {
  typealias Unit = Lower.Unit
  var lower: Lower
  var keeps = false
  private var kept = Burst()

  init(on lower: consuming Lower, keeps: Bool) {
    self.lower = lower
    self.keeps = keeps
  }

  mutating func receive(into filled: inout Burst) {
    lower.receive(into: &filled)
    guard let buffer = filled.popFirst() else { return }
    if keeps { kept.append(buffer) }
  }
}

@Suite("A device in memory") struct TestDeviceTests {
  @Test("chains arrive and leave as they are, joined where they are bytes")
  func chains() throws {
    let wire = TestWire()
    var bench = try TestBench(TestDevice<Frame>(wire))
    wire.put(chain: [[1, 2], [3]])
    wire.put([4])
    #expect(wire.waitingCount == 3)
    #expect(bench.receive() == [[1, 2, 3], [4]])
    #expect(wire.receivedPacketCount == 2 && wire.waitingCount == 0)
    #expect(bench.transmit(chain: [[5], [6, 7]]) == nil)
    #expect(wire.transmitted == [[5, 6, 7]] && wire.transmittedBufferCount == 2)
    #expect(bench.finish() == nil)
  }

  @Test("refusals, and completions that are held back")
  func refusals() throws {
    let wire = TestWire()
    var bench = try TestBench(TestDevice<Frame>(wire))
    wire.transmitRefusal = .closed
    #expect(bench.transmit([1]) == .closed)
    wire.transmitRefusal = nil
    wire.holdsCompletions = true
    for byte in 0..<20 as Range<UInt8> { #expect(bench.transmit([byte]) == nil) }
    #expect(bench.port.accounts().inFlightBufferCount == 32 + 20)
    wire.complete(5)
    bench.turn()
    #expect(bench.port.accounts().inFlightBufferCount == 32 + 15)
    wire.completeAll()
    bench.turn()
    #expect(bench.port.accounts().inFlightBufferCount == 32)
    #expect(bench.finish() == nil)
  }

  @Test("a chain is never taken in part")
  func wholeChains() throws {
    let wire = TestWire()
    var bench = try TestBench(TestDevice<Frame>(wire))
    wire.share = { _ in 2 }
    #expect(bench.transmit(chain: [[1], [2], [3]]) == .full)
    #expect(bench.transmit(chain: [[1], [2]]) == nil)
    #expect(wire.transmitted == [[1, 2]])
    wire.share = nil
    #expect(bench.finish() == nil)
  }

  @Test("a region is not deregistered while the device holds bytes of it")
  func deregister() throws {
    let region = try Region(byteCount: 1 << 16)
    var device = TestDevice<Frame>()
    device.wire.registerError = QueueError(.refused)
    #expect(throws: QueueError(.refused)) { try device.register(region) }
    device.wire.registerError = nil
    try device.register(region)
    var burst = Burst()
    if let buffer = region.buffer(byteCount: 256) { burst.append(buffer) }
    device.fill(&burst)
    #expect(throws: QueueError(.elsewhere(byteCount: 256))) { try device.deregister(region) }
    device.releaseFreeBuffers()
    try device.deregister(region)
    let isKnown = device.refusal(of: region.id) == nil
    #expect(!isKnown)
  }

  @Test("a source makes packets until its end, or until the port is quiet")
  func source() throws {
    let wire = TestWire(source: { $0 < 100 ? [UInt8($0)] : nil })
    var bench = try TestBench(TestDevice<Frame>(wire))
    #expect(bench.receive() == (0..<100).map { [$0] })
    wire.isExhausted = true
    let isExhausted = bench.port.isExhausted
    #expect(isExhausted)
    #expect(bench.finish() == nil)
    #expect(!wire.isOpen)

    let endless = TestWire(source: { _ in [1] })
    var quiet = try TestBench(TestDevice<Frame>(endless))
    quiet.port.quiesce()
    #expect(quiet.receive().isEmpty)
    #expect(quiet.finish() == nil)
  }

  @Test("the accounts find what is kept without being reported, and what goes out of scope")
  func accounts() throws {
    for keeps in [true, false] {
      let wire = TestWire()
      var bench = try TestBench(Faulty(on: TestDevice<Frame>(wire), keeps: keeps))
      #expect(bench.accountsFault == nil)
      wire.put([1])
      bench.receive()
      #expect(
        bench.accountsFault
          == (keeps
            ? "2048 bytes are neither with the user nor in the port's accounts" : "buffers that went out of scope: 1"))
      #expect(bench.finish() != nil)
    }
  }

  @Test("the frames that a station sends are what the parsers read")
  func frames() throws {
    let frame = TestStation.peer.datagram([1, 2, 3], port: 7)
    let ethernet = try EthernetHeader.parse(frame.span).get()
    #expect(ethernet.source == TestStation.peer.hardware && ethernet.etherType == .ipv4)
    let packet = Array(frame[14...])
    let ip = try IPv4Header.parse(packet.span).get()
    #expect(ip.source == TestStation.peer.address && ip.destination == TestStation.host.address)
    let datagram = Array(packet[20...])
    let udp = try UDPHeader.parse(datagram.span, source: ip.source, destination: ip.destination).get()
    #expect(udp.destinationPort == 7 && udp.sourcePort == 40_000 && udp.payloadByteCount == 3)

    let ping = Array(TestStation.peer.ping(identifier: 5, sequence: 6)[34...])
    let message = try ICMPv4Message.parse(ping.span).get()
    #expect(message.echoIdentifier == 5 && message.echoSequence == 6)

    let request = Array(TestStation.peer.arpRequest()[14...])
    let reply = Array(TestStation.host.arpReply(to: .peer)[14...])
    #expect(try ARPPacket.parse(request.span).get().targetProtocol == TestStation.host.address)
    #expect(try ARPPacket.parse(reply.span).get().senderHardware == TestStation.host.hardware)
  }
}
