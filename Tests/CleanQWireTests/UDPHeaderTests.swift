import CleanQWire
import Testing
import TestSupport

@Suite struct UDPHeaderTests {
  static let datagram = Array(Golden.udpFrame.dropFirst(34))
  static let source = IPv4Address(10, 0, 0, 1)
  static let destination = IPv4Address(10, 0, 0, 2)

  func parse(_ bytes: [UInt8]) -> Result<UDPHeader, WireError> { parseUDP(bytes, Self.source, Self.destination) }

  @Test func goldenDatagrams() {
    let header = UDPHeader(sourcePort: 40000, destinationPort: 7, payloadByteCount: 12)
    #expect(parse(Self.datagram) == .success(header))
    let blank = zeros(8) + Self.datagram.dropFirst(8)
    #expect(
      writing(blank) { header.emit(into: &$0, source: Self.source, destination: Self.destination) } == Self.datagram)

    let odd = Array(Golden.oddUDPFrame.dropFirst(34))
    let oddHeader = UDPHeader(sourcePort: 53, destinationPort: 65535, payloadByteCount: 3)
    let (source, destination) = (IPv4Address(192, 168, 1, 77), IPv4Address(8, 8, 8, 8))
    #expect(parseUDP(odd, source, destination) == .success(oddHeader))
    let written = writing(zeros(8) + odd.dropFirst(8)) {
      oddHeader.emit(into: &$0, source: source, destination: destination)
    }
    #expect(written == odd)
  }

  @Test("A sum of 0 is sent as 0xFFFF")
  func allOnes() {
    let datagram = Array(Golden.allOnesUDPPacket.dropFirst(20))
    let header = UDPHeader(sourcePort: 1, destinationPort: 2, payloadByteCount: 2)
    #expect(parse(datagram) == .success(header))
    let written = writing(zeros(8) + datagram.dropFirst(8)) {
      header.emit(into: &$0, source: Self.source, destination: Self.destination)
    }
    #expect(written == datagram)
  }

  @Test("No checksum is accepted, whatever the payload")
  func withoutChecksum() {
    let header = UDPHeader(sourcePort: 40000, destinationPort: 7, payloadByteCount: 12)
    var datagram = writing(Self.datagram) { header.emitWithoutChecksum(into: &$0) }
    #expect(datagram[6] == 0 && datagram[7] == 0)
    #expect(parse(datagram) == .success(header))
    datagram[10] ^= 0xFF
    #expect(parse(datagram) == .success(header))
  }

  @Test("All 65536 lengths: 8 to what there is, and the checksum covers the length")
  func lengths() {
    var datagram = Self.datagram + zeros(5)
    datagram[6] = 0
    datagram[7] = 0
    for length in UInt16.min...UInt16.max {
      datagram[4] = UInt8(length >> 8)
      datagram[5] = UInt8(length & 0xFF)
      let got = parse(datagram)
      let isRight =
        length >= 8 && Int(length) <= datagram.count
        ? (try? got.get())?.totalByteCount == Int(length) : got == .failure(.badUDPLength)
      if !isRight {
        Issue.record("length \(length): \(got)")
        return
      }
    }
    #expect(parse(replacing(Self.datagram, 5, 19)) == .failure(.badUDPChecksum))
  }

  @Test("Of all 65536 checksums only the right one and none pass")
  func checksums() {
    var accepted: [UInt16] = []
    var datagram = Self.datagram
    for sum in UInt16.min...UInt16.max {
      datagram[6] = UInt8(sum >> 8)
      datagram[7] = UInt8(sum & 0xFF)
      if case .success = parse(datagram) { accepted.append(sum) }
    }
    #expect(accepted == [0, 0x0042])
  }

  @Test("Every flip of one bit in header, payload or addresses is noticed")
  func bitFlips() {
    for bit in 0..<Self.datagram.count * 8 {
      let flipped = replacing(Self.datagram, bit / 8, Self.datagram[bit / 8] ^ (1 << UInt8(bit % 8)))
      #expect(parse(flipped).error != nil, "bit \(bit)")
    }
    for bit in UInt32(0)..<32 {
      let source = IPv4Address(rawValue: Self.source.rawValue ^ (1 << bit))
      let destination = IPv4Address(rawValue: Self.destination.rawValue ^ (1 << bit))
      #expect(parseUDP(Self.datagram, source, Self.destination) == .failure(.badUDPChecksum))
      #expect(parseUDP(Self.datagram, Self.source, destination) == .failure(.badUDPChecksum))
    }
  }

  @Test func bytesAfterTheLengthAreIgnored() {
    #expect(parse(Self.datagram + [0xFF, 0xFF, 0xFF]) == parse(Self.datagram))
  }

  @Test("Payloads of every length 0…130 and some long ones", arguments: seeds(3))
  func goesRound(seed: UInt64) throws {
    var random = SeededGenerator(seed: seed)
    for count in Array(0...130) + [1471, 1472, 9000, 65527] {
      let header = UDPHeader(
        sourcePort: random.uint16(), destinationPort: random.uint16(), payloadByteCount: count)
      let (source, destination) = (random.address(), random.address())
      let before = random.bytes(8 + count + Int.random(in: 0...9, using: &random))
      let after = writing(before) { header.emit(into: &$0, source: source, destination: destination) }
      #expect(parseUDP(after, source, destination) == .success(header), "seed \(seed), count \(count)")
      #expect(after.dropFirst(8) == before.dropFirst(8), "seed \(seed), count \(count)")
      #expect(header.payloadByteCount == count)
    }
  }
}
