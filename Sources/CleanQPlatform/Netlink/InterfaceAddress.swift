internal import CPlatform
internal import Glibc

/// An IPv4 address of a network device. Sendable.
package struct InterfaceAddress: Sendable, Hashable {
  /// The device.
  package let index: UInt32
  /// The address, its first byte highest.
  package let address: UInt32
  /// How many bits of it name the network: 0…32.
  package let prefixLength: Int

  private static let fixedByteCount = 8

  package init(index: UInt32, address: UInt32, prefixLength: Int) {
    self.index = index
    self.address = address
    self.prefixLength = prefixLength
  }

  init?(_ message: NetlinkMessage) {
    guard message.type == CPLATFORM_RTM_NEWADDR, message.payload.count >= Self.fixedByteCount,
      message.payload[0] == UInt8(AF_INET)
    else { return nil }
    let attributes = message.attributes(after: Self.fixedByteCount)
    guard let local = attributes[CPLATFORM_IFA_LOCAL] ?? attributes[CPLATFORM_IFA_ADDRESS], local.count == 4 else {
      return nil
    }
    address = local.reduce(0) { $0 << 8 | UInt32($1) }
    prefixLength = Int(min(message.payload[1], 32))
    index = message.payload[...].word(at: 4)
  }

  /// The IPv4 addresses of a device, in the kernel's order; none where it does not tell.
  package static func all(of index: UInt32, by socket: inout NetlinkSocket) -> [InterfaceAddress] {
    var request = [UInt8](repeating: 0, count: fixedByteCount)
    request[0] = UInt8(AF_INET)
    let answers = socket.dump(CPLATFORM_RTM_GETADDR, request) ?? []
    return answers.compactMap { InterfaceAddress($0) }.filter { $0.index == index }
  }

  /// Adds the address beside those that are there.
  ///
  /// - Returns: nil when it is added, `EEXIST` where it is there already, else another error number.
  package func add(by socket: inout NetlinkSocket) -> Int32? {
    socket.perform(CPLATFORM_RTM_NEWADDR, flags: CPLATFORM_NLM_F_CREATE | CPLATFORM_NLM_F_EXCL, request)
  }

  /// Removes the address, and no other: with the first address of a network the kernel drops the others of that network; they
  /// are added again.
  ///
  /// - Returns: nil when it is removed, else the error number.
  package func remove(by socket: inout NetlinkSocket) -> Int32? {
    let others = Self.all(of: index, by: &socket).filter { $0 != self }
    if let number = socket.perform(CPLATFORM_RTM_DELADDR, request) { return number }
    let left = Set(Self.all(of: index, by: &socket))
    for other in others where !left.contains(other) { _ = other.add(by: &socket) }
    return nil
  }

  /// A `struct ifaddrmsg` and its attributes. Source: rtnetlink(7).
  private var request: [UInt8] {
    var bytes: [UInt8] = [UInt8(AF_INET), UInt8(truncatingIfNeeded: prefixLength), 0, 0]  // no flags, everywhere valid
    bytes.append(word: index)
    bytes.append(attribute: CPLATFORM_IFA_LOCAL, Self.bytes(address))
    bytes.append(attribute: CPLATFORM_IFA_ADDRESS, Self.bytes(address))
    // RFC 3021 § 2.2: a link of two hosts has no broadcast address.
    if prefixLength < 31 {
      let broadcast = address | UInt32.max >> UInt32(prefixLength)
      bytes.append(attribute: CPLATFORM_IFA_BROADCAST, Self.bytes(broadcast))
    }
    return bytes
  }

  private static func bytes(_ address: UInt32) -> [UInt8] {
    [24, 16, 8, 0].map { UInt8(truncatingIfNeeded: address >> UInt32($0)) }
  }
}
