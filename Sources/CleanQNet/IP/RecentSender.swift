internal import CleanQ
internal import CleanQWire

/// The sender of the last common packet, as words of its frame, and what becomes of the next ones.
struct RecentSender: BitwiseCopyable, Sendable {
  /// The first eight bytes of a frame: to us, and the start of the sender's Ethernet address.
  private var start: UInt64 = 0
  /// The next seven, in the high end: the rest of that address, the EtherType, and the version. No frame's are `.max`.
  private var next: UInt64 = .max
  /// Both IP addresses.
  private var addresses: UInt64 = 0

  /// This host, as it lies in a frame.
  private let mac: UInt64
  private let address: UInt32
  /// No host of our network: its number and its broadcast address; our own address where there are none.
  private let network: UInt32
  private let broadcast: UInt32

  init(to prefix: IPv4Prefix, _ mac: MACAddress) {
    self.mac = mac.littleEndian
    address = prefix.address.rawValue.byteSwapped
    network = (prefix.length < 31 ? prefix.network : prefix.address).rawValue.byteSwapped
    broadcast = (prefix.directedBroadcast ?? prefix.address).rawValue.byteSwapped
  }

  /// Strips the headers of common packets of this sender, from the first, and writes their metadata.
  ///
  /// - Returns: how many packets, and the bytes of their payloads.
  @inline(never)
  func accept(_ buffers: consuming MutableSpan<Buffer>) -> (count: Int, byteCount: Int) {
    var index = 0
    var byteCount = 0
    while index < buffers.count {
      let payload = accept(&buffers[index])
      guard payload >= 0 else { break }
      byteCount &+= payload
      index &+= 1
    }
    return (index, byteCount)
  }

  /// Strips the headers of a common packet of this sender and writes its metadata.
  ///
  /// - Returns: the bytes of its payload; -1, with nothing changed, where the packet is not usual.
  @inline(__always)
  private func accept(_ buffer: inout Buffer) -> Int {
    guard buffer.isSingle, buffer.hasMetadata, let packet = recognise(buffer.bytes),
      buffer.trimFront(IPEngine.headersByteCount, keeping: packet.payload)
    else { return -1 }
    // SAFETY: it has metadata, and its headers are behind that.
    let metadata = unsafe buffer.metadataWords
    unsafe metadata.store(addresses, at: 0)
    unsafe metadata.store(packet.rest | UInt32(IPv4Header.byteCount) << 24, at: 8)
    return packet.payload
  }

  /// What a common packet says: protocol and hops as in the metadata, and the bytes of its payload. Nil where it is not
  /// usual.
  @inline(__always)
  private func recognise(_ bytes: Span<UInt8>) -> (rest: UInt32, payload: Int)? {
    guard bytes.count >= 34, bytes.littleEndian64(at: 0) == start, bytes.littleEndian64(at: 8) << 8 == next,
      bytes.littleEndian64(at: 26) == addresses
    else { return nil }
    // No fragment, any number of hops but 0, UDP.
    let middle = bytes.littleEndian32(at: 20)
    guard middle & 0xFF00_FF3F == 17 << 24, middle & 0xFF_0000 != 0 else { return nil }
    let (first, second) = (bytes.littleEndian32(at: 14), bytes.littleEndian64(at: 18))
    let payload = Int(first.byteSwapped & 0xFFFF) &- IPv4Header.byteCount
    guard UInt(bitPattern: payload) <= UInt(bitPattern: bytes.count &- 34),
      InternetChecksum.isValid(littleEndian: UInt64(first), second, addresses)
    else { return nil }
    return (middle >> 8 & 0xFF00 | 17, payload)
  }

  /// Takes the sender of another packet for the recent one, where packets may come from it: from one station that is not us
  /// (IEEE 802.3 § 3.2.3), and from one host that is not us (RFC 1122 § 3.2.1.3), with IPv4 without options, to us.
  ///
  /// - Returns: whether it is another sender than before, and may be one.
  mutating func adopt(_ buffer: borrowing Buffer) -> Bool {
    let bytes = buffer.bytes
    guard bytes.count >= 34 else { return false }
    let (start, next) = (bytes.littleEndian64(at: 0), bytes.littleEndian64(at: 8) << 8)
    let addresses = bytes.littleEndian64(at: 26)
    let isSame = start == self.start && next == self.next && addresses == self.addresses
    let station = start >> 48 | next << 8 & 0xFFFF_FFFF_0000
    let host = UInt32(truncatingIfNeeded: addresses)
    let first = host & 0xFF
    guard !isSame, start << 16 == mac << 16, next >> 40 == 0x45_0008, addresses >> 32 == address, station & 1 == 0,
      station != 0, station != mac, first &- 1 < 223, first != 127, host != address, host != network, host != broadcast
    else { return false }
    (self.start, self.next, self.addresses) = (start, next, addresses)
    return true
  }
}

extension MACAddress {
  /// The six bytes as they lie in memory.
  @inline(__always)
  var littleEndian: UInt64 { rawValue.byteSwapped >> 16 }
}
