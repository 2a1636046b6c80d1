internal import CleanQ
internal import CleanQWire

// The usual packet: UDP, whole, without IP options, between this host and one neighbour, in one buffer. It is recognised
// and wrapped here with a load or a store per word, where it lies in its burst. Whatever is not usual goes the long way,
// which says what is wrong with it; a usual packet that goes the long way comes out the same (`IPUsualTests`).
//
//      bytes of the frame   0        6          12     14             18                    26
//                           ┌────────┬──────────┬──────┬──────────────┬─────────────────────┬─────────────────────┐
//                           │ to     │ from     │ type │ 45, length   │ id, fragment, ttl,  │ source, destination │
//                           │        │          │      │              │ protocol, checksum  │                     │
//                           └────────┴──────────┴──────┴──────────────┴─────────────────────┴─────────────────────┘

extension IPEngine {
  /// Ethernet and IPv4 header together.
  static var headersByteCount: Int { EthernetHeader.byteCount + IPv4Header.byteCount }

  /// How many received frames, from the first, are usual packets, and now are IP payloads for the layer above.
  ///
  /// - Parameter limit: the most that can be delivered.
  mutating func acceptUsual(limit: Int) -> Int {
    guard !isInsideReceivedChain else { return 0 }
    let count = min(limit, incoming.count)
    var own = OwnWords(configuration)
    var accepted = 0
    var byteCount = 0
    while accepted < count {
      let payload = own.accept(&incoming[accepted])
      guard payload >= 0 else { break }
      byteCount &+= payload
      accepted &+= 1
    }
    counters.received.add(packetCount: accepted, byteCount: byteCount)
    return accepted
  }

  /// How many packets from above, from the first, are usual ones for the neighbour of the last packet, and now are frames.
  ///
  /// - Parameter limit: the most that can be sent.
  mutating func wrapUsual(_ filled: inout Burst, limit: Int) -> Int {
    guard let neighbor = cache.recent else { return 0 }
    let count = min(limit, filled.count)
    let own = OwnWords(configuration)
    let maximum = maximumPayloadByteCount
    var wrapped = 0
    var byteCount = 0
    while wrapped < count {
      let payload = filled[wrapped].validByteCount
      guard payload <= maximum, own.wrap(&filled[wrapped], for: neighbor) else { break }
      byteCount &+= payload
      wrapped &+= 1
    }
    counters.transmitted.add(packetCount: wrapped, byteCount: byteCount)
    return wrapped
  }
}

/// The neighbour that the last packet went to, as words of a frame. Its entry needs no question and no care.
struct RecentNeighbor: BitwiseCopyable, Sendable {
  /// The address, as it lies in memory.
  var address: UInt32
  /// The first eight bytes of a frame to it: its Ethernet address and the start of our own.
  var start: UInt64

  init(_ address: IPv4Address, _ mac: MACAddress, from own: MACAddress) {
    self.address = address.rawValue.byteSwapped
    start = mac.littleEndian | own.littleEndian << 48
  }
}

/// This host's addresses, as they lie in a frame.
struct OwnWords: BitwiseCopyable {
  let mac: UInt64
  let address: UInt32
  /// No host of our network: its number and its broadcast address; our own address where there are none.
  let network: UInt32
  let broadcast: UInt32
  /// Who sent the packet before; nobody, at first.
  private var lastStation: UInt64 = 0
  private var lastHost: UInt32 = 0

  @inline(__always)
  init(_ configuration: IPConfiguration) {
    let prefix = configuration.prefix
    mac = configuration.mac.littleEndian
    address = prefix.address.rawValue.byteSwapped
    network = (prefix.length < 31 ? prefix.network : prefix.address).rawValue.byteSwapped
    broadcast = (prefix.directedBroadcast ?? prefix.address).rawValue.byteSwapped
  }

  /// Strips the headers of a usual packet and writes its annotation.
  ///
  /// - Returns: the bytes of its payload; -1, with nothing changed, where the packet is not usual.
  @inline(__always)
  mutating func accept(_ buffer: inout Buffer) -> Int {
    guard buffer.flags == .last, buffer.hasAnnotation, let packet = recognise(buffer.bytes) else { return -1 }
    buffer.writeAnnotation(packet.addresses, 17 | packet.timeToLive << 8 | UInt32(IPv4Header.byteCount) << 24)
    let payload = packet.totalByteCount &- IPv4Header.byteCount
    return buffer.setValid(offset: buffer.headroom &+ 34, byteCount: payload) ? payload : -1
  }

  /// What a usual packet says; nil where it is not usual.
  @inline(__always)
  private mutating func recognise(
    _ bytes: Span<UInt8>
  ) -> (addresses: UInt64, timeToLive: UInt32, totalByteCount: Int)? {
    guard bytes.count >= 34 else { return nil }
    let start = bytes.littleEndian64(at: 0)
    let middle = bytes.littleEndian64(at: 6)
    let first = bytes.littleEndian32(at: 14)
    let second = bytes.littleEndian64(at: 18)
    let addresses = bytes.littleEndian64(at: 26)

    // To our Ethernet address, IPv4 without options, no fragment, UDP, to our address: all that differs, in one word.
    let wrong =
      (start ^ mac) << 16 | (middle >> 48 ^ 0x0008) | (UInt64(first) ^ 0x45) & 0xFF
      | (second ^ 17 << 40) & 0xFF00_FF3F_0000 | (addresses >> 32 ^ UInt64(address))
    let timeToLive = UInt32(truncatingIfNeeded: second >> 32) & 0xFF
    guard wrong == 0, timeToLive != 0, isSender(middle << 16, UInt32(truncatingIfNeeded: addresses)) else { return nil }
    let totalByteCount = Int(UInt16(truncatingIfNeeded: first >> 16).byteSwapped)
    guard totalByteCount >= 20, totalByteCount <= bytes.count &- 14 else { return nil }
    let sum = InternetChecksum.littleEndianSum(UInt64(first), second, addresses)
    return sum == 0xFFFF ? (addresses, timeToLive, totalByteCount) : nil
  }

  /// Whether a packet may come from there: from one station that is not us (IEEE 802.3 § 3.2.3), and from one host that is
  /// not us (RFC 1122 § 3.2.1.3). The sender of the packet before is not looked at again.
  ///
  /// - Parameter station: the Ethernet address as it lies in memory, in the high 48 bits.
  @inline(__always)
  private mutating func isSender(_ station: UInt64, _ host: UInt32) -> Bool {
    if station == lastStation, host == lastHost { return true }
    let first = host & 0xFF
    guard station & 0x1_0000 == 0, station != 0, station != mac << 16, first &- 1 < 223, first != 127, host != address,
      host != network, host != broadcast
    else { return false }
    (lastStation, lastHost) = (station, host)
    return true
  }

  /// Puts the headers in front of a usual packet for `neighbor`.
  ///
  /// - Returns: false, with nothing changed, where the packet is not usual or not for it.
  @inline(__always)
  func wrap(_ buffer: inout Buffer, for neighbor: RecentNeighbor) -> Bool {
    guard buffer.flags == .last, buffer.headroom >= 34, let annotation = buffer.annotationWords else { return false }
    let timeToLive = annotation.rest >> 8 & 0xFF
    let payload = buffer.validByteCount
    guard annotation.addresses == UInt64(address) | UInt64(neighbor.address) << 32, timeToLive != 0,
      payload <= 65_515, buffer.prepend(34)
    else { return false }
    let length = UInt64(UInt16(truncatingIfNeeded: 20 &+ payload).byteSwapped)
    // Type, version, type of service, length, identification 0: RFC 6864 § 4.1. Then the flag "don't fragment".
    let first = 0x0045_0008 | length << 32
    let second = 0x0040 | timeToLive << 16 | (annotation.rest & 0xFF) << 24
    let sum = InternetChecksum.littleEndianSum(first >> 16, UInt64(second), annotation.addresses)
    var bytes = buffer.mutableBytes
    guard bytes.count >= 34 else { return false }
    bytes.storeLittleEndian(neighbor.start, at: 0)
    bytes.storeLittleEndian(UInt32(truncatingIfNeeded: mac >> 16), at: 8)
    bytes.storeLittleEndian(first, at: 12)
    bytes.storeLittleEndian(second, at: 20)
    bytes.storeLittleEndian(~sum, at: 24)
    bytes.storeLittleEndian(annotation.addresses, at: 26)
    return true
  }
}

extension MACAddress {
  /// The six bytes as they lie in memory.
  @inline(__always)
  var littleEndian: UInt64 { rawValue.byteSwapped >> 16 }
}
