/// An interface's address together with the length of its network's prefix: `10.0.0.2/24`. Sendable.
///
/// The host part of the address is kept: this says which host as well as which network. Source: RFC 4632 § 3.1.
@frozen
public struct IPv4Prefix: Sendable, Hashable {
  /// The address, host part included.
  public let address: IPv4Address

  /// How many leading bits name the network: 0…32.
  public let length: Int

  /// The prefix of `length` bits around `address`.
  ///
  /// - Returns: `nil` if `length` is not in 0…32.
  @inlinable
  public init?(address: IPv4Address, length: Int) {
    guard length >= 0, length <= 32 else { return nil }
    self.address = address
    self.length = length
  }

  /// The bits of the network as ones: 255.255.255.0 for a length of 24.
  ///
  /// - Complexity: O(1).
  @inlinable public var netmask: IPv4Address { IPv4Address(rawValue: mask) }

  /// The address with the host part cleared: 10.0.0.0 for 10.0.0.2/24.
  ///
  /// - Complexity: O(1).
  @inlinable public var network: IPv4Address { IPv4Address(rawValue: address.rawValue & mask) }

  /// The address that means every host of the network: 10.0.0.255 for 10.0.0.2/24.
  ///
  /// - Returns: `nil` for /31 (RFC 3021 § 2.2: a point-to-point link has no directed broadcast) and for /32.
  /// - Complexity: O(1).
  @inlinable public var directedBroadcast: IPv4Address? {
    guard length < 31 else { return nil }
    return IPv4Address(rawValue: address.rawValue | ~mask)
  }

  /// Whether `other` is in the same network, that is, can be reached without a router.
  ///
  /// - Complexity: O(1).
  @inlinable
  public func contains(_ other: IPv4Address) -> Bool {
    (other.rawValue ^ address.rawValue) & mask == 0
  }

  /// Swift's `<<` gives 0 for a shift by 32, which is what /0 needs.
  @inlinable var mask: UInt32 { UInt32.max << (32 &- UInt32(truncatingIfNeeded: length)) }
}

extension IPv4Prefix: CustomStringConvertible {
  /// The text that `init(_:)` takes: `10.0.0.2/24`.
  public var description: String { "\(address)/\(length)" }
}
