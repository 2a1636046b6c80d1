internal import CleanQ
internal import CleanQWire

extension IPEngine {
  /// Decides about an ICMP message; the valid part is the message. RFC 792; RFC 1122 § 3.2.2.
  mutating func acceptICMP(
    _ buffer: inout Buffer, _ header: IPv4Header, isBroadcast: Bool, to mac: MACAddress
  ) -> Fate {
    let message: ICMPv4Words
    switch ICMPv4Words.parse(buffer.bytes) {
    case .success(let parsed): message = parsed
    case .failure(let error): return end(IPDropReason(error))
    }
    // RFC 1122 § 3.2.2: a message of an unknown type is discarded silently. There is nobody to tell about the others.
    guard let echoReply = message.echoReply else { return end(.icmpIgnored) }
    // RFC 1122 § 3.2.2.6 allows it, and else one forged ping would be answered by every host of the network.
    guard !isBroadcast else { return end(.broadcastEcho) }
    guard hasReturnRoute(to: header.source) else { return end(.noReturnRoute) }
    guard buffer.headroom >= ICMPError.headroom else { return end(.shortHeadroom) }
    var bytes = buffer.mutableBytes
    echoReply.store(into: &bytes)
    // RFC 1349 § 5.1: a reply has the request's type of service. ECN says something of one packet alone.
    let reply = IPv4Header(
      source: address, destination: header.source, protocol: .icmp, payloadByteCount: buffer.validByteCount,
      dscpAndECN: header.dscpAndECN & 0xFC)
    guard wrap(&buffer, reply, to: mac) else { return end(.shortHeadroom) }
    buffer.flags.insert(.reply)
    counters.icmpEchoRequestsReceived &+= 1
    counters.icmpEchoReplies &+= 1
    return .answer
  }

  /// Whether a sender may be answered: by ping, by errors and by what applications send, one rule for all. It is inside the
  /// prefix, or there is a gateway. RFC 1122 § 3.3.1.1.
  private func hasReturnRoute(to source: IPv4Address) -> Bool { nextHop(to: source) != nil }

  /// Drops a packet of a protocol that nobody here speaks, and tells the sender. RFC 1122 § 3.2.2.1.
  ///
  /// The answer goes back to the station that the packet came from: it needs no ARP request.
  mutating func refuseProtocol(_ buffer: inout Buffer, _ metadata: PacketMetadata, to mac: MACAddress) -> Fate {
    counters.count(.unknownProtocol)
    guard ICMPError.isAllowed(about: buffer, metadata: metadata), hasReturnRoute(to: metadata.source) else {
      return .end
    }
    // RFC 1812 § 4.3.2.8.
    guard errorLimit.take(at: now) else {
      counters.icmpRateLimited &+= 1
      return .end
    }
    guard ICMPError.makeUnreachable(code: .protocol, in: &buffer, metadata: metadata) else { return .end }
    let header = IPv4Header(
      source: address, destination: metadata.source, protocol: .icmp, payloadByteCount: buffer.validByteCount)
    // `makeUnreachable` has seen to the room.
    guard wrap(&buffer, header, to: mac) else {
      buffer.flags.remove(.reply)
      return .end
    }
    counters.icmpErrorsSent &+= 1
    return .answer
  }
}
