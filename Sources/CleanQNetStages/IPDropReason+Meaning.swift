internal import CleanQNet

extension IPDropReason {
  /// What it means and what to do, for the person who reads the summary.
  var meaning: String {
    switch self {
    case .chained:
      "received frame in several buffers; ip takes frames in one, so the device's buffers are too small for its MTU"
    case .truncated: "received frame shorter than its headers say; the sender or the link is broken"
    case .notOurMAC: "frame for another station, or a multicast group that is not joined; nothing to do"
    case .badSourceMAC: "frame whose sender is a group address or zero; no station may send that"
    case .unknownEtherType: "frame of a protocol other than ARP and IPv4, IPv6 or a VLAN for example; nothing to do"
    case .badARPHardware: "ARP for other hardware than Ethernet; nothing to do"
    case .badARPProtocol: "ARP for another protocol than IPv4; nothing to do"
    case .badARPLength: "ARP with wrong address lengths; the sender is broken"
    case .badARPOperation: "ARP that is neither request nor reply; nothing to do"
    case .arpBadSender: "ARP whose sender cannot be a host; the sender is broken or lies"
    case .arpAddressConflict: "ARP from another station with this host's address; give one of the two another address"
    case .arpNotForUs: "ARP request for another host's address; nothing to do"
    case .arpUnsolicited: "ARP reply to no request of ours; ignored, so that nobody can redirect traffic with one"
    case .badVersion: "packet with EtherType IPv4 and another version in its header; the sender is broken"
    case .badHeaderLength: "IPv4 header length that cannot be; the sender is broken"
    case .badTotalLength: "IPv4 total length beyond the frame; the sender or the link is broken"
    case .badHeaderChecksum: "IPv4 header checksum that does not match; the link corrupts packets"
    case .notOurAddress: "packet for another host's IP address; the sender's routes point here by mistake"
    case .badSource: "packet whose source address no host can have; the sender is broken or lies"
    case .ttlZero: "packet that came with no hops left; a router on the way is broken"
    case .fragment: "fragment of a packet; fragments are not supported yet, so let the sender keep to the MTU"
    case .shortHeadroom:
      "received packet in a buffer under 512 bytes, or too close to its start for an answer; a stage below has to leave room"
    case .unknownProtocol:
      "packet of a protocol with no stage above, TCP for example; answered with protocol unreachable"
    case .badICMPChecksum: "ICMP message whose checksum does not match; the link corrupts packets"
    case .broadcastEcho:
      "ping to a broadcast address; not answered, as RFC 1122 allows, so that nobody can amplify traffic"
    case .icmpIgnored: "ICMP message that is no ping, an error for example; nothing to do"
    case .chainedTransmit: "packet to be sent in several buffers; the stage above has to use one"
    case .noHeadroom:
      "packet to be sent without room for headers, or in a buffer under 512 bytes; the stage above has to leave room"
    case .tooLong: "packet to be sent longer than the MTU; send less, or raise the MTU of the device"
    case .foreignSource: "packet to be sent from an address that is not this host's; the stage above sets it wrongly"
    case .noRoute: "packet to be sent outside the prefix without a gateway; give ip a gateway"
    case .unicastInBroadcast: "packet for this host alone in a broadcast frame; the sender is broken, or forges"
    case .noReturnRoute: "ping from outside the prefix without a gateway; give ip a gateway to answer it"
    case .arpStopped: "packet that waited for ARP when the pipeline was stopped"
    case .arpUnresolved: "packet whose destination did not answer ARP; the host is down or the address is wrong"
    case .arpQueueFull: "packet for a destination that is still being resolved, beyond what may wait for it"
    case .arpCacheFull: "packet for a new destination while all places of the neighbour cache are in use"
    case .unknownRegion:
      "packet in memory that the device does not know; register the region below before sending from it"
    case .closedBelow: "packet for a device or thread that has ended"
    }
  }
}
