public import CleanQ
internal import CleanQWire

extension IPEngine {
  /// What becomes of a received frame. It has been counted.
  enum Fate {
    /// The valid part is an IP payload for the layer above.
    case deliver
    /// The buffer is a frame to be sent.
    case answer
    /// The buffer is empty.
    case end
  }

  /// Looks at what came in; appends packets for the layer above to a burst.
  ///
  /// - Complexity: O(number of frames); checksums over ICMP messages aside, no byte behind the headers is read.
  @usableFromInline
  mutating func receive(into filled: inout Burst) {
    isActive = isActive || !backlog.toReceive.isEmpty
    while !backlog.toReceive.isEmpty {
      deliverFast(into: &filled)
      guard filled.room > 0, backlog.toFill.room > 0, backlog.toTransmit.room > 0,
        var buffer = backlog.toReceive.popFirst()
      else { break }
      switch accept(&buffer) {
      case .deliver: filled.append(buffer)
      case .answer: backlog.toTransmit.append(buffer)
      case .end: backlog.toFill.append(buffer)
      }
    }
    releasePending()
  }

  /// Delivers what is usual at the front of what came in, as far as there is room.
  private mutating func deliverFast(into filled: inout Burst) {
    backlog.toReceive.moveFirst(acceptFast(limit: filled.room), to: &filled)
  }

  /// Counts a drop.
  mutating func end(_ reason: IPDropReason) -> Fate {
    counters.count(reason)
    return .end
  }

  /// Decides about one buffer.
  mutating func accept(_ buffer: inout Buffer) -> Fate {
    // A frame in several buffers is counted once, with its last; each buffer goes back on its own.
    let isLast = buffer.flags.contains(.last)
    let isChained = isInsideReceivedChain || !isLast
    isInsideReceivedChain = !isLast
    if isChained {
      buffer.flags.insert(.last)
      return isLast ? end(.chained) : .end
    }
    let frame: EthernetHeader
    switch EthernetHeader.parse(buffer.bytes) {
    case .success(let header): frame = header
    case .failure(let error): return end(IPDropReason(error))
    }
    guard frame.destination == mac || frame.destination.isBroadcast else { return end(.notOurMAC) }
    guard isStation(frame.source) else { return end(.badSourceMAC) }
    guard buffer.trimFront(EthernetHeader.byteCount) else { return end(.truncated) }
    let frameOffset = buffer.headroom &- EthernetHeader.byteCount
    switch frame.etherType == .vlan ? stripPriorityTag(&buffer) : frame.etherType {
    case .ipv4: return acceptIP(&buffer, frame, at: frameOffset)
    case .arp: return acceptARP(&buffer)
    default: return end(.unknownEtherType)
    }
  }

  /// Takes off a tag that gives a frame a priority and no VLAN.
  ///
  /// Source: IEEE 802.1Q § 9.6: the VLAN identifier 0 says that the tag carries a priority only.
  ///
  /// - Returns: the protocol behind the tag; that of tagged frames, with nothing changed, where the frame belongs to a VLAN.
  private func stripPriorityTag(_ buffer: inout Buffer) -> EtherType {
    guard let tag = VLANTag(buffer.bytes), tag.identifier == 0 else { return .vlan }
    return buffer.trimFront(VLANTag.byteCount) ? tag.etherType : .vlan
  }

  /// Decides about an IP packet; the valid part starts with its header.
  ///
  /// - Parameter frameOffset: where the frame begins in the buffer.
  private mutating func acceptIP(_ buffer: inout Buffer, _ frame: EthernetHeader, at frameOffset: Int) -> Fate {
    let header: IPv4Header
    switch IPv4Header.parse(buffer.bytes) {
    case .success(let parsed): header = parsed
    case .failure(let error): return end(IPDropReason(error))
    }
    if let reason = refusal(of: header, isBroadcastFrame: frame.destination.isBroadcast) { return end(reason) }
    guard buffer.hasMetadata else { return end(.shortHeadroom) }
    let linkByteCount = buffer.headroom &- frameOffset
    // RFC 894: what follows the total length is Ethernet padding.
    guard buffer.truncate(to: header.totalByteCount), buffer.trimFront(header.headerByteCount) else {
      return end(.truncated)
    }
    let metadata = PacketMetadata(
      source: header.source, destination: header.destination, protocol: header.protocol, timeToLive: header.ttl,
      isBroadcast: frame.destination.isBroadcast || isBroadcast(header.destination),
      headerByteCount: header.headerByteCount, linkByteCount: linkByteCount, frameOffset: frameOffset)
    switch header.protocol {
    case .udp:
      buffer.packetMetadata = metadata
      counters.received.add(byteCount: buffer.validByteCount)
      return .deliver
    case .icmp:
      return acceptICMP(&buffer, header, isBroadcast: metadata.isBroadcast, to: frame.source)
    default:
      return refuseProtocol(&buffer, metadata, to: frame.source)
    }
  }

  /// Why an IP header is not for this host; nil where it is.
  private func refusal(of header: IPv4Header, isBroadcastFrame: Bool) -> IPDropReason? {
    // RFC 1122 § 3.2.1.3: our address, or a broadcast that includes us.
    let isBroadcastPacket = isBroadcast(header.destination)
    guard header.destination == address || isBroadcastPacket else { return .notOurAddress }
    // RFC 1122 § 3.3.6: a broadcast of the link never carries a packet for a single host.
    guard isBroadcastPacket || !isBroadcastFrame else { return .unicastInBroadcast }
    guard isNeighborHost(header.source) else { return .badSource }
    // RFC 791 § 3.2: destroyed at zero. RFC 1122 § 3.2.1.7: a host takes every other value.
    guard header.ttl > 0 else { return .ttlZero }
    // RFC 1122 § 3.3.2 asks for reassembly; this stack refuses fragments, which it counts.
    return header.isFragment ? .fragment : nil
  }

  /// Whether an address can be that of another station on the link. IEEE 802.3 § 3.2.3: a source is one station. Our own address
  /// as a source is a loop or a forgery.
  func isStation(_ source: MACAddress) -> Bool { source.isUnicast && source != mac }

  /// Whether an address can be that of another host. RFC 1122 § 3.2.1.3: a source must be one host's address; our own is the
  /// "land" forgery.
  func isNeighborHost(_ source: IPv4Address) -> Bool {
    let prefix = configuration.prefix
    guard ICMPError.isHost(source), source != address, source != prefix.directedBroadcast else { return false }
    return prefix.length >= 31 || source != prefix.network
  }
}
