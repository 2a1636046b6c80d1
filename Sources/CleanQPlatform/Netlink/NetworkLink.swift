internal import CPlatform
internal import Glibc

/// A network device of the namespace, as rtnetlink tells of it. Sendable.
package struct NetworkLink: Sendable, Equatable {
  package let index: UInt32
  package let name: String
  /// What made it: `tun`, `veth`, `bridge`; empty for hardware and the loopback.
  package let kind: String
  package let isEthernet: Bool
  /// The index of the bridge or bond that it belongs to; 0 for none.
  package let master: UInt32

  /// Whether it is a TAP device: made by the TUN/TAP driver, with Ethernet frames.
  package var isTAP: Bool { kind == "tun" && isEthernet }

  private static let fixedByteCount = 16
  private static let ethernetType: UInt16 = 1  // ARPHRD_ETHER, linux/if_arp.h

  init?(_ message: NetlinkMessage) {
    guard message.type == CPLATFORM_RTM_NEWLINK, message.payload.count >= Self.fixedByteCount else { return nil }
    let attributes = message.attributes(after: Self.fixedByteCount)
    guard let name = attributes[CPLATFORM_IFLA_IFNAME]?.text else { return nil }
    let information = attributes[CPLATFORM_IFLA_LINKINFO].map { NetlinkMessage.attributes(in: $0) } ?? [:]
    self.name = name
    isEthernet = message.payload[...].half(at: 2) == Self.ethernetType
    index = message.payload[...].word(at: 4)
    kind = information[CPLATFORM_IFLA_INFO_KIND]?.text ?? ""
    master = attributes[CPLATFORM_IFLA_MASTER]?.word(at: 0) ?? 0
  }

  /// All devices of the calling thread's namespace, in the kernel's order; none where it does not tell.
  ///
  /// - Complexity: O(*n*) in the number of devices.
  package static func all() -> [NetworkLink] {
    guard var socket = NetlinkSocket() else { return [] }
    let request = [UInt8](repeating: 0, count: fixedByteCount)
    return (socket.dump(CPLATFORM_RTM_GETLINK, request) ?? []).compactMap { NetworkLink($0) }
  }
}
