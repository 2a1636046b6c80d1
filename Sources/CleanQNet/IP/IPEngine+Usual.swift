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
    let limit = min(limit, incoming.count)
    var sender = recentSender
    var accepted = 0
    var byteCount = 0
    search: while accepted < limit {
      var stretch = incoming.stretch(from: accepted, to: limit)
      for index in 0..<stretch.count {
        let payload = sender.accept(&stretch[index])
        guard payload >= 0 else { break search }
        byteCount &+= payload
        accepted &+= 1
      }
    }
    recentSender = sender
    counters.received.add(packetCount: accepted, byteCount: byteCount)
    return accepted
  }

  /// How many packets from above, from the first, are usual ones for the neighbour of the last packet, and now are frames.
  ///
  /// - Parameter limit: the most that can be sent.
  mutating func wrapUsual(_ filled: inout Burst, limit: Int) -> Int {
    guard let neighbor = cache.recent else { return 0 }
    let maximum = maximumPayloadByteCount
    var wrapped = 0
    var byteCount = 0
    search: while wrapped < limit {
      var stretch = filled.stretch(from: wrapped, to: limit)
      for index in 0..<stretch.count {
        let payload = neighbor.wrap(&stretch[index], maximumByteCount: maximum)
        guard payload >= 0 else { break search }
        byteCount &+= payload
        wrapped &+= 1
      }
    }
    counters.transmitted.add(packetCount: wrapped, byteCount: byteCount)
    return wrapped
  }
}

/// The sender of the last usual packet, as words of its frame. One that is new is looked at by ``adopt(_:_:_:)``.
struct RecentSender: BitwiseCopyable, Sendable {
  /// This host, as it lies in a frame.
  private let mac: UInt64
  private let address: UInt32
  /// No host of our network: its number and its broadcast address; our own address where there are none.
  private let network: UInt32
  private let broadcast: UInt32
  /// The first eight bytes of a frame: to us, and the start of the sender's Ethernet address.
  private var start: UInt64 = 0
  /// The next eight without the last, which is the type of service: the rest of that address, the EtherType, and the version.
  /// Where it has a bit of that last byte it is no frame's.
  private var next: UInt64 = .max
  /// Both IP addresses.
  private var addresses: UInt64 = 0

  private static var nextMask: UInt64 { 0x00FF_FFFF_FFFF_FFFF }

  init(to prefix: IPv4Prefix, _ mac: MACAddress) {
    self.mac = mac.littleEndian
    address = prefix.address.rawValue.byteSwapped
    network = (prefix.length < 31 ? prefix.network : prefix.address).rawValue.byteSwapped
    broadcast = (prefix.directedBroadcast ?? prefix.address).rawValue.byteSwapped
  }

  /// Strips the headers of a usual packet and writes its annotation.
  ///
  /// - Returns: the bytes of its payload; -1, with nothing changed, where the packet is not usual.
  @inline(__always)
  mutating func accept(_ buffer: inout Buffer) -> Int {
    guard buffer.flags == .last, buffer.hasAnnotation, let packet = recognise(buffer.bytes),
      buffer.trimFront(34, keeping: packet.payload)
    else { return -1 }
    buffer.writeAnnotation(packet.addresses, 17 | packet.timeToLive << 8 | UInt32(IPv4Header.byteCount) << 24)
    return packet.payload
  }

  /// What a usual packet says; nil where it is not usual.
  @inline(__always)
  private mutating func recognise(_ bytes: Span<UInt8>) -> (addresses: UInt64, timeToLive: UInt32, payload: Int)? {
    guard bytes.count >= 34 else { return nil }
    let (start, next) = (bytes.littleEndian64(at: 0), bytes.littleEndian64(at: 8) & Self.nextMask)
    let (first, second) = (bytes.littleEndian32(at: 14), bytes.littleEndian64(at: 18))
    let addresses = bytes.littleEndian64(at: 26)
    // No fragment, UDP; then all that may differ from the packet before, in one word.
    guard second & 0xFF00_FF3F_0000 == 17 << 40 else { return nil }
    if (start ^ self.start) | (next ^ self.next) | (addresses ^ self.addresses) != 0 {
      guard adopt(start, next, addresses) else { return nil }
    }
    let timeToLive = UInt32(truncatingIfNeeded: second >> 32) & 0xFF
    let payload = Int(first.byteSwapped & 0xFFFF) &- IPv4Header.byteCount
    guard timeToLive != 0, UInt(bitPattern: payload) <= UInt(bitPattern: bytes.count &- 34),
      InternetChecksum.isValid(littleEndian: UInt64(first), second, addresses)
    else { return nil }
    return (addresses, timeToLive, payload)
  }

  /// Remembers another sender. It must be one station that is not us (IEEE 802.3 § 3.2.3), and one host that is not us (RFC
  /// 1122 § 3.2.1.3), and send IPv4 without options to us.
  ///
  /// - Returns: false, with nothing changed, where it is not.
  @inline(never)
  private mutating func adopt(_ start: UInt64, _ next: UInt64, _ addresses: UInt64) -> Bool {
    let station = start >> 48 | (next & 0xFFFF_FFFF) << 16
    let host = UInt32(truncatingIfNeeded: addresses)
    let first = host & 0xFF
    guard start << 16 == mac << 16, next >> 32 == 0x45_0008, addresses >> 32 == address,
      station & 1 == 0, station != 0, station != mac, first &- 1 < 223, first != 127, host != address, host != network,
      host != broadcast
    else { return false }
    (self.start, self.next, self.addresses) = (start, next, addresses)
    return true
  }
}

/// The neighbour that the last packet went to, as words of a frame. Its entry needs no question and no care.
struct RecentNeighbor: BitwiseCopyable, Sendable {
  /// The first 16 bytes of a frame to it: both Ethernet addresses, type, version, and type of service 0.
  private let start: UInt64
  private let next: UInt64
  /// Both IP addresses.
  private let addresses: UInt64
  /// The sum of those words of an IP header that are the same in all of its packets.
  private let sum: UInt16

  /// No identification, and "don't fragment": RFC 6864 § 4.1.
  private static var identification: UInt64 { 0x0040_0000 }

  init(_ address: IPv4Address, _ mac: MACAddress, from own: IPv4Address, _ ownMAC: MACAddress) {
    start = mac.littleEndian | ownMAC.littleEndian << 48
    next = ownMAC.littleEndian >> 16 | 0x0045_0008 << 32
    addresses = UInt64(own.rawValue.byteSwapped) | UInt64(address.rawValue.byteSwapped) << 32
    sum = InternetChecksum.littleEndianSum(addresses, Self.identification &+ 0x45)
  }

  /// Puts the headers in front of a usual packet for this neighbour.
  ///
  /// - Returns: the bytes of its payload; -1, with nothing changed, where the packet is not usual or not for it.
  @inline(__always)
  func wrap(_ buffer: inout Buffer, maximumByteCount: Int) -> Int {
    let payload = buffer.validByteCount
    guard buffer.flags == .last, payload <= maximumByteCount, buffer.headroom >= 34,
      let annotation = buffer.annotationWords, annotation.addresses == addresses, annotation.rest & 0xFF00 != 0,
      buffer.prepend(34)
    else { return -1 }
    let length = UInt16(truncatingIfNeeded: IPv4Header.byteCount &+ payload).byteSwapped
    let timeToLiveAndProtocol = UInt16(truncatingIfNeeded: annotation.rest).byteSwapped
    let checksum = InternetChecksum.littleEndianChecksum(sum, UInt32(length) &+ UInt32(timeToLiveAndProtocol))
    var bytes = buffer.mutableBytes
    guard bytes.count >= 34 else { return -1 }
    bytes.storeLittleEndian(start, at: 0)
    bytes.storeLittleEndian(next, at: 8)
    bytes.storeLittleEndian(
      UInt64(length) | Self.identification << 16 | UInt64(timeToLiveAndProtocol) << 48, at: 16)
    bytes.storeLittleEndian(checksum, at: 24)
    bytes.storeLittleEndian(addresses, at: 26)
    return payload
  }
}

extension MACAddress {
  /// The six bytes as they lie in memory.
  @inline(__always)
  var littleEndian: UInt64 { rawValue.byteSwapped >> 16 }
}
