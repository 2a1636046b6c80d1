import FuzzSupport

/// What the stack may send: frames that a neighbour can take, from our addresses.
enum SentChecks {
  private static let mac: [UInt8] = [2, 0, 10, 0, 0, 2]
  private static let address: [UInt8] = [10, 0, 0, 2]

  static func check(_ frame: [UInt8]) {
    require(frame.count >= 34 && Array(frame[6..<12]) == mac, "a frame comes from our station")
    switch SlowWire.word(frame, 12) {
    case 0x0806:
      require(SlowWire.arpError(Array(frame[14...])) == nil && frame.count == 42, "ARP is well-formed")
      require(Array(frame[22..<28]) == mac && Array(frame[28..<32]) == address, "ARP tells of us")
    case 0x0800: packet(Array(frame[14...]))
    default: violated("a frame is ARP or IP")
    }
  }

  private static func packet(_ bytes: [UInt8]) {
    require(SlowWire.ipv4Error(bytes) == nil, "an IP header is well-formed")
    require(bytes[0] == 0x45 && SlowWire.word(bytes, 2) == bytes.count && bytes.count <= 1500, "a packet fits the link")
    require(Array(bytes[12..<16]) == address && bytes[8] > 0, "a packet comes from us")
    require(SlowWire.word(bytes, 6) == 0x4000, "nothing is sent in fragments")
    let payload = Array(bytes[20...])
    switch bytes[9] {
    case 1: require(SlowWire.icmpError(payload) == nil, "ICMP adds up")
    case 17:
      let error = SlowWire.udpError(payload, SlowWire.long(bytes, 12), SlowWire.long(bytes, 16))
      require(error == nil, "UDP adds up")
    default: violated("a packet is ICMP or UDP")
    }
  }
}
