import CleanQWire
import Testing
import TestSupport

@Suite struct IPv4HeaderTests {
  static let packet = Array(Golden.udpFrame.dropFirst(14))

  @Test func goldenPacket() throws {
    var header = IPv4Header(
      source: IPv4Address(10, 0, 0, 1), destination: IPv4Address(10, 0, 0, 2), protocol: .udp, payloadByteCount: 20)
    header.identification = 0x1234
    #expect(parseIPv4(Self.packet) == .success(header))
    #expect(header.dontFragment && !header.isFragment && header.ttl == 64 && header.payloadByteCount == 20)
    #expect(writing(zeros(20)) { header.emit(into: &$0) } == Array(Self.packet.prefix(20)))
  }

  @Test func goldenServiceField() throws {
    let header = try value(parseIPv4(Array(Golden.oddUDPFrame.dropFirst(14))))
    #expect(header.dscpAndECN == 0xB9 && header.ttl == 3 && !header.dontFragment && header.identification == 1)
    #expect(header.source.description == "192.168.1.77" && header.destination.description == "8.8.8.8")
    #expect(header.totalByteCount == 31)
  }

  @Test func goldenOptionsAreSteppedOver() throws {
    let header = try value(parseIPv4(Golden.optionsPacket))
    #expect(header.headerByteCount == 32 && header.totalByteCount == 34 && header.payloadByteCount == 2)
    // Written again, they are gone.
    let written = try value(parseIPv4(writing(zeros(22)) { header.emit(into: &$0) }))
    #expect(written.headerByteCount == 20 && written.totalByteCount == 22 && written.payloadByteCount == 2)
  }

  @Test func goldenFragments() throws {
    let first = try value(parseIPv4(Golden.firstFragment))
    #expect(first.moreFragments && first.fragmentOffset == 0 && first.isFragment && !first.dontFragment)
    let last = try value(parseIPv4(Golden.lastFragment))
    #expect(!last.moreFragments && last.fragmentOffset == 3 && last.isFragment)
    #expect(first.identification == last.identification)
  }

  @Test("Every first byte: version 4, 5 to 15 words, all of them there", arguments: [20, 40, 60, 64])
  func versionAndHeaderLength(byteCount: Int) {
    for byte in UInt8.min...UInt8.max {
      var packet = zeros(64)
      packet[0] = byte
      packet[3] = UInt8(byteCount)
      let words = Int(byte & 0xF)
      let expected: WireError? =
        byte >> 4 != 4 ? .badVersion : words < 5 ? .badHeaderLength : words * 4 > byteCount ? .badTotalLength : nil
      #expect(parseIPv4(Array(resummed(packet).prefix(byteCount))).error == expected, "first byte \(byte)")
    }
  }

  @Test("A header longer than the bytes is an error whatever the total length says")
  func headerOutsideBytes() {
    for words in 6...15 {
      let packet = resummed([0x40 | UInt8(words), 0, 0, UInt8(words * 4)] + zeros(56))
      for count in 20..<words * 4 {
        #expect(parseIPv4(Array(packet.prefix(count))) == .failure(.truncated))
      }
    }
  }

  @Test("All 65536 total lengths")
  func totalLength() {
    let packet = Self.packet + zeros(10)
    for length in UInt16.min...UInt16.max {
      let expected: WireError? = length < 20 ? .badTotalLength : Int(length) > packet.count ? .truncated : nil
      let got = parseIPv4(expected == nil ? resummed(packet, 2, length) : patched(packet, length))
      guard got.error == expected else {
        Issue.record("total length \(length): \(got)")
        return
      }
    }
  }

  private func patched(_ packet: [UInt8], _ length: UInt16) -> [UInt8] {
    replacing(replacing(packet, 2, UInt8(length >> 8)), 3, UInt8(length & 0xFF))
  }

  @Test("defect: an IP checksum test is inverted. Of all 65536 checksums only the right one passes; 0xFFFF is never it")
  func checksums() {
    var accepted: [UInt16] = []
    var packet = Self.packet
    for sum in UInt16.min...UInt16.max {
      packet[10] = UInt8(sum >> 8)
      packet[11] = UInt8(sum & 0xFF)
      if case .success = parseIPv4(packet) { accepted.append(sum) }
    }
    #expect(accepted == [0x148F])
  }

  @Test("Every flip of one bit in a header, with and without options, is noticed")
  func bitFlips() {
    for (packet, headerByteCount) in [(Self.packet, 20), (Golden.optionsPacket, 32)] {
      for bit in 0..<headerByteCount * 8 {
        let flipped = replacing(packet, bit / 8, packet[bit / 8] ^ (1 << UInt8(bit % 8)))
        #expect(parseIPv4(flipped).error != nil, "bit \(bit)")
      }
    }
  }

  @Test("All 65536 values of flags and offset")
  func flagsAndOffset() throws {
    for field in UInt16.min...UInt16.max {
      let header = try value(parseIPv4(resummed(Self.packet, 6, field)))
      let isRight =
        header.dontFragment == (field & 0x4000 != 0) && header.moreFragments == (field & 0x2000 != 0)
        && header.fragmentOffset == field & 0x1FFF && header.isFragment == (field & 0x3FFF != 0)
      if !isRight {
        Issue.record("flags and offset \(field): \(header)")
        return
      }
    }
  }

  @Test("A time to live of 0 is for the layer above")
  func anyTimeToLive() throws {
    for ttl in UInt8.min...UInt8.max {
      #expect(try value(parseIPv4(resummed(replacing(Self.packet, 8, ttl)))).ttl == ttl)
    }
  }

  @Test(arguments: seeds(3)) func goesRound(seed: UInt64) throws {
    var random = SeededGenerator(seed: seed)
    for _ in 0..<500 {
      var header = IPv4Header(
        source: random.address(), destination: random.address(), protocol: IPProtocol(rawValue: random.uint8()),
        payloadByteCount: Int.random(in: 0...40, using: &random), ttl: random.uint8(), identification: random.uint16(),
        dontFragment: Bool.random(using: &random), dscpAndECN: random.uint8())
      header.moreFragments = Bool.random(using: &random)
      header.fragmentOffset = random.uint16() & 0x1FFF
      let before = random.bytes(60)
      let after = writing(before) { header.emit(into: &$0) }
      #expect(parseIPv4(after) == .success(header), "seed \(seed)")
      #expect(after.dropFirst(20) == before.dropFirst(20), "seed \(seed)")
      #expect(naiveChecksum(Array(after.prefix(20))) == 0, "seed \(seed)")
    }
  }

  @Test func largestPacket() throws {
    let header = IPv4Header(
      source: .unspecified, destination: .limitedBroadcast, protocol: .tcp, payloadByteCount: 65515)
    let packet = writing(zeros(65535)) { header.emit(into: &$0) }
    #expect(try value(parseIPv4(packet)).totalByteCount == 65535)
  }
}
