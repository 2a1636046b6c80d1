internal import CleanQNet

extension IPDropReason {
  /// What it means and what to do, for the person who reads the summary.
  var meaning: String {
    switch self {
    case .chained:
      "received frame in several buffers; ip requires a single buffer: the device's buffers are too small for its MTU"
    case .truncated: "received frame shorter than its headers say; the sender or the link is broken"
    case .notOurMAC: "frame for another station, or a multicast group that is not joined; nothing to do"
    case .badSourceMAC: "frame whose source is a group address or zero; the sender is broken or forges"
    case .unknownEtherType: "frame of a protocol other than ARP and IPv4, IPv6 or a VLAN for example; nothing to do"
    case .badARPHardware: "ARP for hardware other than Ethernet; nothing to do"
    case .badARPProtocol: "ARP for a protocol other than IPv4; nothing to do"
    case .badARPLength: "ARP with wrong address lengths; the sender is broken"
    case .badARPOperation: "ARP that is neither request nor reply; nothing to do"
    case .arpBadSender: "ARP whose sender address cannot be a host; the sender is broken or forges"
    case .arpAddressConflict: "ARP from another station with this host's address; change the address of one of them"
    case .arpNotForUs: "ARP request for another host's address; nothing to do"
    case .arpUnsolicited: "ARP reply without a request of this host; ignored, so that it cannot redirect traffic"
    case .badVersion: "packet with EtherType IPv4 and another version in its header; the sender is broken"
    case .badHeaderLength: "invalid IPv4 header length; the sender is broken"
    case .badTotalLength: "IPv4 total length beyond the frame; the sender or the link is broken"
    case .badHeaderChecksum: "IPv4 header checksum that does not match; the link corrupts packets"
    case .notOurAddress: "packet for another host's IP address; the sender's routes point here by mistake"
    case .badSource: "packet whose source address cannot be a host; the sender is broken or forges"
    case .ttlZero: "packet that arrived with a TTL of 0; a router on the path is broken"
    case .fragment: "fragment of a packet; fragments are not supported yet: lower the sender's packet size to the MTU"
    case .shortHeadroom:
      "received packet in a buffer under 512 bytes, or too close to its start for a reply; a stage below leaves too little room"
    case .unknownProtocol:
      "packet of a protocol without a stage, TCP for example; answered with protocol unreachable"
    case .badICMPChecksum: "ICMP message whose checksum does not match; the link corrupts packets"
    case .broadcastEcho:
      "ping to a broadcast address; not answered, as RFC 1122 allows, to prevent amplification"
    case .icmpIgnored: "ICMP message other than ping, an error for example; nothing to do"
    case .chainedTransmit: "packet to send in several buffers; the stage above must use one"
    case .noHeadroom:
      "packet to send without room for headers, or in a buffer under 512 bytes; the stage above must leave headroom"
    case .tooLong: "packet to send longer than the MTU; send less, or raise the MTU of the device"
    case .foreignSource: "packet to send from an address other than this host's; the stage above sets it wrongly"
    case .noRoute: "packet to send outside the prefix without a gateway; give ip a gateway"
    case .unicastInBroadcast: "unicast packet in a broadcast frame; the sender is broken or forges"
    case .noReturnRoute: "ping from outside the prefix without a gateway; give ip a gateway to answer it"
    case .arpStopped: "packet that waited for ARP when the pipeline was stopped"
    case .arpUnresolved: "packet whose destination did not answer ARP; the host is down or the address is wrong"
    case .arpQueueFull: "packet for a destination that is still being resolved, beyond the number that may wait"
    case .arpCacheFull: "packet for a new destination while the neighbour cache is full"
    case .unknownRegion:
      "packet in an unregistered region; register the region before sending from it"
    case .closedBelow: "packet for a device or thread that has ended"
    }
  }
}
