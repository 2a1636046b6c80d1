/// What an ARP packet asks or tells. Sendable.
///
/// Source: RFC 826, "ar$op". Reverse and inverse ARP have numbers of their own, which `ARPPacket.parse` refuses.
@frozen
public enum ARPOperation: UInt16, Sendable, Hashable, CaseIterable {
  /// Who has the target's protocol address?
  case request = 1
  /// The sender has the sender's protocol address.
  case reply = 2
}
