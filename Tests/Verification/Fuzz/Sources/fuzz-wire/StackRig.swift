import CleanQWire
import FuzzSupport

@testable import CleanQ
@testable import CleanQNet

/// UDP on IP on a device of the fuzzer's, with a user who echoes, sends and drops as the fuzzer says.
struct StackRig: ~Copyable {
  static let bufferByteCount = 2048
  /// Memory between buffers, in which nobody has anything to do.
  static let guardByteCount = 64

  let region: Region
  var port: UDPPort<IPPort<FuzzPort>>
  var now: UInt64 = 1_000_000_000
  /// What came up and goes down again.
  var up = Burst()
  /// What the user got back.
  var returned = Burst()
  /// The user's buffers, not used yet.
  var own = Burst()
  /// The memory between the buffers.
  var fences = Burst()
  var isEchoing = true
  var books = Books()

  init() {
    guard let region = try? Region(byteCount: 1 << 18, pages: .ordinary),
      let configuration = try? IPConfiguration(address: "10.0.0.2/24", gateway: "10.0.0.1")
    else { violated("a stack can be set up") }
    let lower = IPPort(on: FuzzPort(), configuration, now: MonotonicTime(nanoseconds: now))
    port = UDPPort(on: lower, ports: [7, 9])
    do { try port.register(region) } catch { violated("a region can be registered: \(error)") }
    self.region = region
    var freeBuffers = Burst()
    for _ in 0..<20 { freeBuffers.append(carve()) }
    port.fill(&freeBuffers)
    require(freeBuffers.isEmpty, "a device with room takes freeBuffers")
    for _ in 0..<8 { own.append(carve()) }
  }

  /// A buffer with guarded memory behind it.
  private mutating func carve() -> Buffer {
    guard var buffer = region.buffer(byteCount: Self.bufferByteCount + Self.guardByteCount),
      let fence = buffer.split(at: Self.bufferByteCount)
    else { violated("the region has room") }
    Shadow.poison(fence)
    fences.append(fence)
    return buffer
  }

  /// Takes one step of the script.
  mutating func step(_ input: inout FuzzInput) {
    let operation = input.byte()
    switch operation & 7 {
    case 0...3: arrive(&input, operation)
    case 4: port.lower.lower.limit = Int(operation >> 3) & 31
    case 5: send(&input, operation)
    case 6: advance(milliseconds: UInt64(operation >> 3) * 100)
    default: isEchoing.toggle()
    }
    turn()
  }

  /// A frame is put on the wire.
  private mutating func arrive(_ input: inout FuzzInput, _ operation: UInt8) {
    let length = Int(input.byte()) | Int(operation & 3) << 8
    var bytes = input.take(length)
    // Few inputs would have a good checksum by chance.
    if operation & 8 != 0 { Repair.checksums(&bytes) }
    if bytes.count > 14 { ParserChecks.check(Array(bytes[14...])) }
    if bytes.count > 34 { ParserChecks.check(Array(bytes[34...])) }
    let headroom = operation & 16 == 0 ? 50 : Int(operation >> 5) * 8
    port.lower.lower.inbox.append(
      FuzzPort.Arrival(bytes: bytes, headroom: headroom, isLast: operation & 0xC0 != 0xC0))
  }

  /// The user sends a datagram of its own, in one buffer or in several, with headroom or without.
  private mutating func send(_ input: inout FuzzInput, _ operation: UInt8) {
    guard up.room > 0, var buffer = own.popFirst() else { return }
    let isBare = operation & 8 != 0
    let isUnfinished = operation & 16 != 0
    let byteCount = Int(input.number(UInt16.self) & 0x7FF)
    let headroom = isBare ? Int(input.byte() & 63) : 92
    require(buffer.setValid(offset: headroom, byteCount: min(byteCount, buffer.byteCount - headroom)), "it fits")
    buffer.flags = isUnfinished ? [] : .last
    let last = input.byte()
    let network: UInt32 = operation & 32 == 0 ? 0x0A00_0000 : 0xC000_0200
    buffer.datagramMetadata = DatagramMetadata(
      source: operation & 64 == 0 ? IPv4Address(10, 0, 0, 2) : .unspecified, sourcePort: 9,
      destination: IPv4Address(rawValue: network | UInt32(last)), destinationPort: input.number())
    up.append(buffer)
    books.append(isUnfinished: isUnfinished)
  }

  private mutating func advance(milliseconds: UInt64) {
    now += milliseconds * 1_000_000
    _ = port.advance(to: MonotonicTime(nanoseconds: now))
  }

  /// A turn of the loop.
  mutating func turn() {
    receive()
    let offered = up.count
    port.transmit(&up)
    books.handedOver += UInt64(offered - up.count)
    let before = returned.count
    port.complete(into: &returned)
    books.completed += UInt64(returned.count - before)
    for index in before..<returned.count {
      require(returned[index].flags == .last, "a buffer that comes back is no part of a chain")
    }
    reuse()
    port.notify()
    checkAccounts()
    for frame in port.lower.lower.outbox { SentChecks.check(frame) }
    port.lower.lower.outbox.removeAll(keepingCapacity: true)
  }

  private mutating func receive() {
    let before = up.count
    port.receive(into: &up)
    books.delivered += UInt64(up.count - before)
    var dropped: UInt32 = 0
    for index in before..<up.count {
      require(up[index].flags == .last && up[index].hasMetadata, "a datagram comes in one buffer and is annotated")
      let datagram = up[index].datagramMetadata
      require([7, 9].contains(datagram.destinationPort), "a datagram is for an open port")
      up[index].datagramMetadata = datagram.reflected
      if isEchoing { books.append(isUnfinished: false) } else { dropped |= 1 << UInt32(index) }
    }
    up.move(dropped, to: &returned)
  }

  /// Buffers that came back are given to the device, or kept to be sent.
  private mutating func reuse() {
    while own.count < 8, returned.count > 0, let buffer = returned.popFirst() { own.append(buffer) }
    for index in 0..<returned.count { returned[index].flags = .last }
    port.fill(&returned)
  }
}
