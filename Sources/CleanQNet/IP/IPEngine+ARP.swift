internal import CleanQ
internal import CleanQWire

extension IPEngine {
  /// Decides about an ARP packet; the valid part starts with it. RFC 826, "Packet Reception".
  mutating func acceptARP(_ buffer: inout Buffer) -> Fate {
    let packet: ARPPacket
    switch ARPPacket.parse(buffer.bytes) {
    case .success(let parsed): packet = parsed
    case .failure(let error): return end(IPDropReason(error))
    }
    guard packet.senderHardware.isUnicast, packet.senderHardware != mac else { return end(.arpBadSender) }
    let sender = packet.senderProtocol
    // RFC 5227 § 2.4: somebody else uses our address. It is not believed.
    guard sender != address else {
      notices.conflict(over: address, of: mac, with: packet.senderHardware, at: now)
      return end(.arpAddressConflict)
    }
    // RFC 5227 § 2.1.1: a probe has no sender address yet. There is nothing to remember, but it is answered.
    if sender.isUnspecified {
      guard packet.operation == .request, packet.targetProtocol == address else { return end(.arpNotForUs) }
      return answer(packet, in: &buffer)
    }
    guard ICMPError.isHost(sender), !isBroadcast(sender) else { return end(.arpBadSender) }
    let isMerged = merge(packet)
    let isAwaited = sharedNeighbors?.answer(sender, packet.senderHardware) ?? false
    switch packet.operation {
    case .request:
      guard packet.targetProtocol == address else { return end(.arpNotForUs) }
      if !isMerged { learn(packet) }
      return answer(packet, in: &buffer)
    case .reply:
      // Only an answer to a question that was asked, here or in another copy, is believed.
      guard isMerged || isAwaited else { return end(.arpUnsolicited) }
      counters.arpRepliesReceived &+= 1
      return .end
    }
  }

  /// Updates the sender's entry, where there is one: the merge flag of RFC 826.
  private mutating func merge(_ packet: ARPPacket) -> Bool {
    guard let index = cache.index(of: packet.senderProtocol) else { return false }
    guard cache[index].state == .known || cache[index].state == .asking else { return false }
    confirm(index, packet.senderHardware)
    return true
  }

  /// Remembers a neighbour that asked for us: it is about to send. Only addresses of this network are of use.
  private mutating func learn(_ packet: ARPPacket) {
    guard configuration.prefix.contains(packet.senderProtocol), cache.index(of: packet.senderProtocol) == nil,
      let index = cache.insert(packet.senderProtocol, at: now)
    else { return }
    confirm(index, packet.senderHardware)
  }

  /// Takes the answers to questions of ours that other instances of the pipeline have heard.
  ///
  /// - Complexity: O(number of cache entries) where there are new ones, else O(1).
  mutating func takeAnswers() {
    guard let sharedNeighbors, sharedNeighbors.answerCount != seenAnswerCount else { return }
    seenAnswerCount = sharedNeighbors.answerCount
    for index in cache.indices where cache[index].state == .asking || cache[index].tryCount > 0 {
      if let mac = sharedNeighbors.answer(about: cache[index].address) { confirm(index, mac) }
    }
  }

  private mutating func confirm(_ index: Int, _ mac: MACAddress) {
    if cache[index].state == .known, cache[index].mac != mac {
      counters.arpNeighborsChanged &+= 1
      notices.change(of: cache[index].address, from: cache[index].mac, to: mac, at: now)
    }
    cache[index].state = .known
    cache[index].mac = mac
    cache[index].tryCount = 0
    cache[index].confirmed = now
    if cache[index].queuedCount > 0 { isPendingDue = true }
  }

  /// Turns a request for our address into the reply.
  private mutating func answer(_ packet: ARPPacket, in buffer: inout Buffer) -> Fate {
    guard buffer.truncate(to: ARPPacket.byteCount) else { return end(.truncated) }
    var bytes = buffer.mutableBytes
    packet.reply(from: mac).emit(into: &bytes)
    guard prependEthernet(&buffer, to: packet.senderHardware, .arp) else { return end(.truncated) }
    buffer.flags.insert(.reply)
    counters.arpRequestsReceived &+= 1
    counters.arpRepliesSent &+= 1
    return .answer
  }

  /// Sends a question about the entry's address, where there is a buffer for it. The first of a known neighbour go to it
  /// alone (RFC 1122 § 2.3.2.1 (2), unicast poll), the last one to all.
  mutating func ask(_ index: Int) {
    cache[index].tryCount &+= 1
    cache[index].wasAsked = true
    cache[index].asked = now
    cache[index].isAskUnstamped = true
    sharedNeighbors?.ask(cache[index].address)
    guard backlog.toTransmit.room > 0, var buffer = spares.take() else {
      counters.arpRequestsUnsent &+= 1
      return
    }
    let entry = cache[index]
    let isPoll = entry.state == .known && entry.tryCount < ARPCache.maximumTryCount
    let isReady = buffer.setValid(
      offset: Buffer.standardHeadroom, byteCount: EthernetHeader.byteCount + ARPPacket.byteCount)
    guard isReady, buffer.trimFront(EthernetHeader.byteCount) else {
      spares.putBack(buffer)
      counters.arpRequestsUnsent &+= 1
      return
    }
    var bytes = buffer.mutableBytes
    ARPPacket.request(for: entry.address, from: mac, address).emit(into: &bytes)
    _ = prependEthernet(&buffer, to: isPoll ? entry.mac : .broadcast, .arp)
    buffer.flags = [.last, .reply]
    backlog.toTransmit.append(buffer)
    counters.arpRequestsSent &+= 1
  }
}
