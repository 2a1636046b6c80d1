public import CleanQ
internal import CleanQWire

extension IPEngine {
  /// Takes common packets in buffers of one region from the front of a burst, as many as have room.
  ///
  /// - Complexity: O(number of packets).
  @usableFromInline
  mutating func transmitFast(_ filled: inout Burst, of region: RegionID) {
    isActive = true
    // What waited longer goes first.
    releasePending()
    guard hasTransmitRoom else { return }
    let wrapped = wrapFast(&filled, of: region, limit: min(filled.count, backlog.toTransmit.room))
    filled.moveFirst(wrapped, to: &backlog.toTransmit)
  }

  /// Takes packets from above, the first `count` buffers of a burst, which are whole runs, while each has room to end in.
  ///
  /// - Returns: how many of the `count` it did not take.
  /// - Complexity: O(number of packets).
  @usableFromInline
  mutating func transmit(_ filled: inout Burst, _ count: Int) -> Int {
    isActive = isActive || count > 0
    // What waited longer goes first.
    releasePending()
    var left = count
    while left > 0, hasTransmitRoom {
      let wrapped = wrapFast(&filled, of: filled[0].region, limit: min(left, backlog.toTransmit.room))
      filled.moveFirst(wrapped, to: &backlog.toTransmit)
      left &-= wrapped
      if wrapped > 0 { continue }
      if filled[0].flags.contains(.last) {
        guard let buffer = filled.popFirst() else { break }
        left &-= 1
        counters.transmitted.add(byteCount: buffer.validByteCount)
        send(buffer)
      } else {
        let taken = endChain(of: &filled)
        guard taken > 0 else { break }
        left &-= taken
      }
    }
    return left
  }

  /// Ends the packet in several buffers at the front of a burst, if all of them have room to end in. Counted as one.
  ///
  /// - Returns: how many buffers it had; 0 where there is no room.
  private mutating func endChain(of filled: inout Burst) -> Int {
    var count = 1
    while count < filled.count, !filled[count &- 1].flags.contains(.last) { count &+= 1 }
    guard backlog.toComplete.room >= count, backlog.toFill.room >= count else { return 0 }
    for index in 0..<count {
      guard var buffer = filled.popFirst() else { break }
      counters.transmitted.bytes &+= UInt64(truncatingIfNeeded: buffer.validByteCount)
      if index == count &- 1 {
        counters.transmitted.packets &+= 1
        dropTransmitted(buffer, .chainedTransmit)
      } else {
        buffer.flags = .last
        backlog.toComplete.append(buffer)
      }
    }
    return count
  }

  /// Sends one packet, or keeps it until its neighbour has answered, or drops it.
  private mutating func send(_ buffer: consuming Buffer) {
    guard buffer.hasMetadata, buffer.headroom >= ICMPError.headroom else {
      return dropTransmitted(buffer, .noHeadroom)
    }
    guard buffer.validByteCount <= maximumPayloadByteCount else { return dropTransmitted(buffer, .tooLong) }
    let metadata = buffer.packetMetadata
    // RFC 1122 § 3.2.1.3: a broadcast address is never a source; an answer to a broadcast comes from our own.
    guard metadata.source == address || metadata.source.isUnspecified || isBroadcast(metadata.source) else {
      return dropTransmitted(buffer, .foreignSource)
    }
    if isBroadcast(metadata.destination) { return emit(buffer, metadata, to: .broadcast) }
    guard let hop = nextHop(to: metadata.destination) else { return dropTransmitted(buffer, .noRoute) }
    guard let index = cache.index(of: hop) ?? cache.insert(hop, at: now) else {
      return dropTransmitted(buffer, .arpCacheFull)
    }
    cache[index].used = now
    switch cache[index].state {
    case .known:
      let mac = cache[index].mac
      emit(buffer, metadata, to: mac)
      askAgainWhenOld(index)
      if cache[index].tryCount == 0, metadata.timeToLive != 0, metadata.protocol == .udp {
        cache.noteRecent(RecentNeighbor(metadata, mac, from: address, self.mac))
      }
    case .free, .asking:
      queue(buffer, index)
    case .failed:
      dropTransmitted(buffer, .arpUnresolved)
    }
  }

  /// The neighbour that takes a packet; nil where there is none. RFC 1122 § 3.3.1.
  func nextHop(to destination: IPv4Address) -> IPv4Address? {
    let prefix = configuration.prefix
    guard ICMPError.isHost(destination), destination != address else { return nil }
    guard prefix.contains(destination) else { return configuration.gateway }
    return prefix.length < 31 && destination == prefix.network ? nil : destination
  }

  private mutating func askAgainWhenOld(_ index: Int) {
    guard cache[index].tryCount == 0, backlog.toTransmit.room > 0,
      ARPCache.hasPassed(ARPCache.freshMilliseconds, since: cache[index].confirmed, at: now),
      !cache.isAskRecent(cache[index], at: now)
    else { return }
    ask(index)
  }

  /// Keeps a packet until its neighbour answers; asks with the first one. RFC 1122 § 2.3.2.2.
  private mutating func queue(_ buffer: consuming Buffer, _ index: Int) {
    guard pending.room > 0, cache[index].queuedCount < ARPCache.maximumQueuedCount else {
      return dropTransmitted(buffer, .arpQueueFull)
    }
    guard !isQuiescing else { return dropTransmitted(buffer, .arpStopped) }
    pending.append(buffer)
    cache[index].queuedCount &+= 1
    guard cache[index].state == .free else { return }
    cache[index].state = .asking
    ask(index)
  }

  /// Writes the headers and hands the frame on.
  mutating func emit(_ buffer: consuming Buffer, _ metadata: PacketMetadata, to mac: MACAddress) {
    var buffer = buffer
    if metadata.source != address { replaceSource(metadata, in: &buffer) }
    // RFC 6864 § 4.1: an atomic datagram, DF set, may have any identification. RFC 1122 § 3.2.1.7: TTL is never 0.
    let header = IPv4Header(
      source: address, destination: metadata.destination, protocol: metadata.protocol,
      payloadByteCount: buffer.validByteCount, ttl: metadata.timeToLive == 0 ? 64 : metadata.timeToLive)
    guard wrap(&buffer, header, to: mac) else { return dropTransmitted(buffer, .noHeadroom) }
    // An error that a layer above has made.
    if metadata.protocol == .icmp, buffer.flags.contains(.reply) { counters.icmpErrorsSent &+= 1 }
    backlog.toTransmit.append(buffer)
  }

  /// A UDP checksum covers the source address (RFC 768), so it follows when that is replaced. RFC 1624 § 3.
  private func replaceSource(_ metadata: PacketMetadata, in buffer: inout Buffer) {
    guard metadata.protocol == .udp, buffer.validByteCount >= UDPHeader.byteCount else { return }
    var bytes = buffer.mutableBytes
    var checksum = bytes.span.bigEndian16(at: 6)
    guard checksum != 0 else { return }
    let (old, new) = (metadata.source.rawValue, address.rawValue)
    checksum = InternetChecksum.updated(
      checksum, replacing: UInt16(truncatingIfNeeded: old >> 16), with: UInt16(truncatingIfNeeded: new >> 16))
    checksum = InternetChecksum.updated(
      checksum, replacing: UInt16(truncatingIfNeeded: old), with: UInt16(truncatingIfNeeded: new))
    bytes.storeBigEndian(checksum == 0 ? 0xFFFF : checksum, at: 6)
  }

  /// Puts an IP and an Ethernet header in front of the valid part.
  ///
  /// - Returns: false, with nothing changed, where the headroom is shorter than the two.
  func wrap(_ buffer: inout Buffer, _ header: IPv4Header, to mac: MACAddress) -> Bool {
    guard buffer.headroom >= ICMPError.headroom, buffer.prepend(IPv4Header.byteCount) else { return false }
    var bytes = buffer.mutableBytes
    header.emit(into: &bytes)
    return prependEthernet(&buffer, to: mac, .ipv4)
  }

  /// Puts an Ethernet header in front of the valid part.
  func prependEthernet(_ buffer: inout Buffer, to destination: MACAddress, _ etherType: EtherType) -> Bool {
    guard buffer.prepend(EthernetHeader.byteCount) else { return false }
    var bytes = buffer.mutableBytes
    EthernetHeader(destination: destination, source: mac, etherType: etherType).emit(into: &bytes)
    return true
  }
}
