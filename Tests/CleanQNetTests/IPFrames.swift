import CleanQWire

/// Frames, built by hand: a checksum of their own, so that a mistake in the wire formats would show.
enum Frames {
  static let ourMAC = MACAddress(2, 0, 10, 0, 0, 2)
  static let peerMAC = MACAddress(0x52, 0x54, 0, 0, 0, 1)
  static let ours = IPv4Address(10, 0, 0, 2)
  static let peer = IPv4Address(10, 0, 0, 1)

  static func ethernet(
    to destination: MACAddress = ourMAC, from source: MACAddress = peerMAC, type: UInt16 = 0x0800, _ payload: [UInt8]
  ) -> [UInt8] {
    bytes(destination) + bytes(source) + word(type) + payload
  }

  static func ip(
    from source: IPv4Address = peer, to destination: IPv4Address = ours, protocol number: UInt8 = 17,
    first: UInt8? = nil, totalLength: Int? = nil, fragment: UInt16 = 0x4000, ttl: UInt8 = 64, tos: UInt8 = 0,
    options: [UInt8] = [], checksumError: UInt16 = 0, _ payload: [UInt8]
  ) -> [UInt8] {
    let headerByteCount = 20 + options.count
    var header: [UInt8] = [first ?? UInt8(0x40 | headerByteCount / 4), tos]
    header += word(UInt16(totalLength ?? headerByteCount + payload.count)) + word(0x1234) + word(fragment)
    header += [ttl, number, 0, 0] + bytes(source) + bytes(destination) + options
    let sum = checksum(header) ^ checksumError
    header[10] = UInt8(sum >> 8)
    header[11] = UInt8(sum & 0xFF)
    return header + payload
  }

  static func udp(_ payload: [UInt8] = [1, 2, 3, 4, 5], from: UInt16 = 4000, to: UInt16 = 7) -> [UInt8] {
    word(from) + word(to) + word(UInt16(8 + payload.count)) + [0, 0] + payload
  }

  static func icmp(type: UInt8 = 8, code: UInt8 = 0, rest: UInt32 = 0x0001_0002, _ data: [UInt8] = [9, 8, 7]) -> [UInt8]
  {
    var message: [UInt8] = [type, code, 0, 0] + word(UInt16(rest >> 16)) + word(UInt16(rest & 0xFFFF)) + data
    let sum = checksum(message)
    message[2] = UInt8(sum >> 8)
    message[3] = UInt8(sum & 0xFF)
    return message
  }

  static func arp(
    _ operation: UInt16 = 1, sender: MACAddress = peerMAC, _ senderAddress: IPv4Address = peer,
    target: MACAddress = .zero, _ targetAddress: IPv4Address = ours, head: [UInt8] = [0, 1, 8, 0, 6, 4]
  ) -> [UInt8] {
    head + word(operation) + bytes(sender) + bytes(senderAddress) + bytes(target) + bytes(targetAddress)
  }

  /// An ARP request as it is broadcast.
  static func question(from mac: MACAddress = peerMAC, _ address: IPv4Address = peer) -> [UInt8] {
    ethernet(to: .broadcast, from: mac, type: 0x0806, arp(1, sender: mac, address))
  }

  /// A neighbour's answer to us.
  static func answer(from mac: MACAddress, _ address: IPv4Address) -> [UInt8] {
    ethernet(from: mac, type: 0x0806, arp(2, sender: mac, address, target: ourMAC, ours))
  }

  /// A datagram for us.
  static func datagram(_ payload: [UInt8] = [1, 2, 3, 4, 5]) -> [UInt8] { ethernet(ip(udp(payload))) }

  /// A ping.
  static func ping() -> [UInt8] { ethernet(ip(protocol: 1, icmp())) }

  static func bytes(_ mac: MACAddress) -> [UInt8] { (0..<6).map { UInt8(mac.rawValue >> UInt64(40 - 8 * $0) & 0xFF) } }
  static func bytes(_ address: IPv4Address) -> [UInt8] {
    (0..<4).map { UInt8(address.rawValue >> UInt32(24 - 8 * $0) & 0xFF) }
  }
  static func word(_ value: UInt16) -> [UInt8] { [UInt8(value >> 8), UInt8(value & 0xFF)] }

  /// RFC 1071, the slow way.
  static func checksum(_ bytes: [UInt8]) -> UInt16 {
    var sum = 0
    for (index, byte) in bytes.enumerated() { sum += index % 2 == 0 ? Int(byte) << 8 : Int(byte) }
    while sum > 0xFFFF { sum = sum & 0xFFFF + sum >> 16 }
    return ~UInt16(sum)
  }
}
