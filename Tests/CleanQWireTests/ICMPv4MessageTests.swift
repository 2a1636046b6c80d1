import CleanQWire
import Testing
import TestSupport

@Suite struct ICMPv4MessageTests {
  @Test func goldenEcho() throws {
    let request = ICMPv4Message.echoRequest(identifier: 0xBEEF, sequence: 3)
    #expect(parseICMP(Golden.echoRequest) == .success(request))
    #expect(request.echoIdentifier == 0xBEEF && request.echoSequence == 3)
    #expect(writing(zeros(8) + Golden.echoRequest.dropFirst(8)) { request.emit(into: &$0) } == Golden.echoRequest)
  }

  @Test func goldenErrors() throws {
    let port = ICMPv4Message.destinationUnreachable(.port)
    #expect(parseICMP(Golden.portUnreachable) == .success(port))
    #expect(writing(zeros(8) + Golden.portUnreachable.dropFirst(8)) { port.emit(into: &$0) } == Golden.portUnreachable)
    let tooLarge = ICMPv4Message.destinationUnreachable(.fragmentationNeeded, nextHopMTU: 1400)
    #expect(parseICMP(Golden.fragmentationNeeded) == .success(tooLarge))
    let written = writing(zeros(8) + Golden.fragmentationNeeded.dropFirst(8)) { tooLarge.emit(into: &$0) }
    #expect(written == Golden.fragmentationNeeded)
    #expect(ICMPv4Message.maximumQuoteByteCount == 548)
  }

  @Test func goldenReply() {
    #expect(writing(Golden.echoRequest) { _ = replyToEcho(&$0) } == Golden.echoReply)
  }

  @Test("Only echo requests are answered, and nothing else is touched")
  func othersAreLeftAlone() {
    for type in UInt8.min...UInt8.max where type != 8 {
      var message = replacing(Golden.echoRequest, 0, type)
      let sum = checksum(message[..<2] + [0, 0] + message[4...])
      (message[2], message[3]) = (UInt8(sum >> 8), UInt8(sum & 0xFF))
      #expect(parseICMP(message).error == nil)
      var answered = true
      #expect(writing(message) { answered = replyToEcho(&$0) } == message)
      #expect(!answered, "type \(type)")
    }
    for count in 0..<8 {
      let message = Array(Golden.echoRequest.prefix(count))
      var answered = true
      #expect(writing(message) { answered = replyToEcho(&$0) } == message)
      #expect(!answered, "\(count) bytes")
    }
  }

  @Test("For all 65536 identifiers the reply verifies, with zeros for all else too")
  func everyReplyVerifies() throws {
    for identifier in UInt16.min...UInt16.max {
      let request = ICMPv4Message.echoRequest(identifier: identifier, sequence: 0)
      let reply = writing(zeros(10)) {
        request.emit(into: &$0)
        _ = replyToEcho(&$0)
      }
      let expected = ICMPv4Message(type: .echoReply, restOfHeader: request.restOfHeader)
      if parseICMP(reply) != .success(expected) {
        Issue.record("identifier \(identifier): \(reply)")
        return
      }
    }
  }

  @Test("A ping of nothing but zeros: equation 3 alone would give a checksum that does not verify")
  func allZeros() {
    let request = hex("0800f7ff00000000") + zeros(8)
    #expect(parseICMP(request).error == nil)
    #expect(writing(request) { _ = replyToEcho(&$0) } == hex("0000ffff00000000") + zeros(8))
    #expect(parseICMP(zeros(16)) == .failure(.badICMPChecksum))
  }

  @Test("A code other than 0 comes back", arguments: [0, 1, 0x7F, 0xFF] as [UInt8])
  func codeComesBack(code: UInt8) throws {
    let request = writing(Golden.echoRequest) {
      ICMPv4Message(type: .echoRequest, code: code, restOfHeader: 0x0102_0304).emit(into: &$0)
    }
    let reply = try value(parseICMP(writing(request) { _ = replyToEcho(&$0) }))
    #expect(reply == ICMPv4Message(type: .echoReply, code: code, restOfHeader: 0x0102_0304))
  }

  @Test("Of all 65536 checksums only the right one passes")
  func checksums() {
    var accepted: [UInt16] = []
    var message = Golden.echoRequest
    for sum in UInt16.min...UInt16.max {
      message[2] = UInt8(sum >> 8)
      message[3] = UInt8(sum & 0xFF)
      if case .success = parseICMP(message) { accepted.append(sum) }
    }
    #expect(accepted == [0x00CD])
  }

  @Test("Every flip of one bit is noticed")
  func bitFlips() {
    for message in [Golden.echoRequest, Golden.portUnreachable] {
      for bit in 0..<message.count * 8 {
        let flipped = replacing(message, bit / 8, message[bit / 8] ^ (1 << UInt8(bit % 8)))
        #expect(parseICMP(flipped) == .failure(.badICMPChecksum), "bit \(bit)")
      }
    }
  }

  @Test(arguments: seeds(3)) func goesRound(seed: UInt64) {
    var random = SeededGenerator(seed: seed)
    for count in 8...140 {
      let header = ICMPv4Message(
        type: ICMPv4Type(rawValue: random.uint8()), code: random.uint8(),
        restOfHeader: UInt32(truncatingIfNeeded: random.next()))
      let before = random.bytes(count)
      let after = writing(before) { header.emit(into: &$0) }
      #expect(parseICMP(after) == .success(header), "seed \(seed), count \(count)")
      #expect(after.dropFirst(8) == before.dropFirst(8), "seed \(seed), count \(count)")
    }
  }
}
