import CleanQWire
import FuzzSupport

/// Every parser of CleanQWire on the same bytes: what it says is what the slow one says, and what it accepts is written
/// back as it was.
enum ParserChecks {
  static func check(_ bytes: [UInt8]) {
    let exact = ExactBytes(bytes)
    ethernet(exact.span, bytes)
    arp(exact.span, bytes)
    ipv4(exact.span, bytes)
    icmp(exact.span, bytes)
    udp(exact.span, bytes)
    checksum(exact.span, bytes)
    TextChecks.check(String(decoding: bytes.prefix(64), as: UTF8.self))
  }

  private static func ethernet(_ span: Span<UInt8>, _ bytes: [UInt8]) {
    guard case .success(let header) = EthernetHeader.parse(span) else {
      return require(bytes.count < 14, "14 bytes are an Ethernet header")
    }
    var again = ExactBytes([UInt8](repeating: 0xEE, count: 14))
    var target = again.mutableSpan
    header.emit(into: &target)
    require(again.array == Array(bytes[..<14]), "an Ethernet header is written as it was read")
    require(header.etherType.isLength == (header.etherType.rawValue <= 1500), "lengths end at 1500")
    _ = header.etherType.description
  }

  private static func arp(_ span: Span<UInt8>, _ bytes: [UInt8]) {
    let result = ARPPacket.parse(span)
    require(result.error == SlowWire.arpError(bytes), "ARP: \(result)")
    guard case .success(let packet) = result else { return }
    var again = ExactBytes([UInt8](repeating: 0xEE, count: 28))
    var target = again.mutableSpan
    packet.emit(into: &target)
    require(again.array == Array(bytes[..<28]), "an ARP packet is written as it was read")
    let reply = packet.reply(from: MACAddress(2, 0, 0, 0, 0, 9))
    require(reply.targetHardware == packet.senderHardware && reply.operation == .reply, "a reply goes to the sender")
  }

  private static func ipv4(_ span: Span<UInt8>, _ bytes: [UInt8]) {
    let result = IPv4Header.parse(span)
    require(result.error == SlowWire.ipv4Error(bytes), "IPv4: \(result)")
    guard case .success(let header) = result else { return }
    require(header.headerByteCount + header.payloadByteCount == header.totalByteCount, "header and payload are all")
    require(header.totalByteCount <= bytes.count && header.payloadByteCount >= 0, "an IP packet is inside its frame")
    // Options and the reserved flag are not written; a checksum of all ones is the same as one of zeros.
    guard header.headerByteCount == 20, bytes[6] & 0x80 == 0, SlowWire.word(bytes, 10) != 0xFFFF else { return }
    var again = ExactBytes([UInt8](repeating: 0xEE, count: 20))
    var target = again.mutableSpan
    header.emit(into: &target)
    require(again.array == Array(bytes[..<20]), "an IPv4 header is written as it was read")
  }

  private static func icmp(_ span: Span<UInt8>, _ bytes: [UInt8]) {
    let result = ICMPv4Message.parse(span)
    require(result.error == SlowWire.icmpError(bytes), "ICMP: \(result)")
    if case .success(let message) = result {
      var again = ExactBytes(bytes)
      var target = again.mutableSpan
      message.emit(into: &target)
      let written = again.array
      require(written[..<2] == bytes[..<2] && written[4...] == bytes[4...], "an ICMP message is written as it was read")
      require(SlowWire.isSummed(written), "an ICMP message is written with its checksum")
    }
    guard case .success(let words) = ICMPv4Words.parse(span) else { return }
    require((words.echoReply != nil) == (bytes[0] == 8), "an echo request has a reply")
    guard let reply = words.echoReply else { return }
    var again = ExactBytes(bytes)
    var target = again.mutableSpan
    reply.store(into: &target)
    require(SlowWire.isSummed(again.array), "a reply has a good checksum")
  }

  private static func udp(_ span: Span<UInt8>, _ bytes: [UInt8]) {
    // The pseudo header takes its addresses from the bytes too, so that they can be anything.
    let source = bytes.count >= 16 ? SlowWire.long(bytes, 8) : 0x0A00_0001
    let destination = bytes.count >= 20 ? SlowWire.long(bytes, 12) : 0x0A00_0002
    let addresses = (IPv4Address(rawValue: source), IPv4Address(rawValue: destination))
    let result = UDPHeader.parse(span, source: addresses.0, destination: addresses.1)
    require(result.error == SlowWire.udpError(bytes, source, destination), "UDP: \(result)")
    guard case .success(let header) = result else { return }
    require(header.totalByteCount <= bytes.count && header.payloadByteCount >= 0, "a datagram is inside its packet")
    var again = ExactBytes(bytes)
    var target = again.mutableSpan
    header.emit(into: &target, source: addresses.0, destination: addresses.1)
    var expected = bytes
    if SlowWire.word(bytes, 6) == 0 {
      let error = SlowWire.udpError(again.array, source, destination)
      require(error == nil && SlowWire.word(again.array, 6) != 0, "a datagram is written with its checksum")
      expected.replaceSubrange(6..<8, with: again.array[6..<8])
    }
    require(again.array == expected, "a datagram is written as it was read")
  }

  private static func checksum(_ span: Span<UInt8>, _ bytes: [UInt8]) {
    require(InternetChecksum.of(span) == UInt16(~SlowWire.sum(bytes) & 0xFFFF), "the checksum is RFC 1071's")
    require(InternetChecksum.isValid(span) == SlowWire.isSummed(bytes), "bytes add up or do not")
    guard let first = bytes.first else { return }
    let cut = Int(first) % bytes.count
    var pieces = InternetChecksum()
    pieces.add(span.extracting(0..<cut))
    pieces.add(span.extracting(cut..<bytes.count))
    require(pieces.value == InternetChecksum.of(span), "a checksum of pieces is that of the whole")
    guard bytes.count >= 4 else { return }
    changedWord(bytes, at: Int(first) % (bytes.count - 1) & ~1)
  }

  /// A checksum that follows the change of one word is as good as a new one.
  private static func changedWord(_ bytes: [UInt8], at offset: Int) {
    var changed = bytes
    changed[offset] = bytes[bytes.count - 1]
    changed[offset + 1] = bytes[bytes.count - 2]
    let old = UInt16(SlowWire.word(bytes, offset))
    let new = UInt16(SlowWire.word(changed, offset))
    let updated = InternetChecksum.updated(UInt16(~SlowWire.sum(bytes) & 0xFFFF), replacing: old, with: new)
    // Zero has two forms.
    require(Int(updated) % 0xFFFF == (~SlowWire.sum(changed) & 0xFFFF) % 0xFFFF, "a checksum follows a changed word")
  }
}
