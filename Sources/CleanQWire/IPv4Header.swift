/// The header of an IPv4 packet: 20 bytes, and up to 40 of options that are stepped over. Sendable.
///
/// ```
/// | version 4 b, IHL 4 b | DSCP 6 b, ECN 2 b | total length 2 |
/// | identification 2     | flags 3 b, fragment offset 13 b    |
/// | TTL 1 | protocol 1   | header checksum 2                  |
/// | source 4             | destination 4                      | options … | payload …
/// ```
/// Source: RFC 791 § 3.1.
@frozen
public struct IPv4Header: Sendable, Hashable {
  /// The number of bytes of a header without options: what `emit` writes.
  @inlinable public static var byteCount: Int { 20 }

  /// The number of bytes of a header with as many options as there can be.
  @inlinable public static var maximumByteCount: Int { 60 }

  /// The bytes of header that were on the wire, options included: 20…60, a multiple of 4. The payload starts here.
  public var headerByteCount: Int
  /// The bytes of header and payload: `headerByteCount`…65535. The payload ends here; link padding may follow.
  public var totalByteCount: Int
  /// The differentiated services field: DSCP in the high 6 bits, ECN in the low 2. Source: RFC 2474 § 3, RFC 3168 § 5.
  public var dscpAndECN: UInt8
  /// Names the packet that a fragment is a part of. Source: RFC 6864 § 4.
  public var identification: UInt16
  /// The DF flag: routers must not fragment this.
  public var dontFragment: Bool
  /// The MF flag: this is a fragment, and not the last.
  public var moreFragments: Bool
  /// Where this fragment's payload belongs, in units of 8 bytes: 0…8191.
  public var fragmentOffset: UInt16
  /// How many more routers the packet may pass. `parse` takes every value, 0 too.
  public var ttl: UInt8
  /// What the packet carries.
  public var `protocol`: IPProtocol
  /// Who sent the packet.
  public var source: IPv4Address
  /// Whom the packet is for.
  public var destination: IPv4Address

  /// A header without options for an unfragmented packet.
  ///
  /// - Precondition: `payloadByteCount` is in 0…65515.
  @inlinable
  public init(
    source: IPv4Address, destination: IPv4Address, protocol: IPProtocol, payloadByteCount: Int,
    ttl: UInt8 = 64, identification: UInt16 = 0, dontFragment: Bool = true, dscpAndECN: UInt8 = 0
  ) {
    precondition(payloadByteCount >= 0 && payloadByteCount <= 65515, "an IPv4 packet has at most 65535 bytes")
    self.init(
      headerByteCount: 20, totalByteCount: 20 &+ payloadByteCount, dscpAndECN: dscpAndECN,
      identification: identification, dontFragment: dontFragment, moreFragments: false, fragmentOffset: 0,
      ttl: ttl, protocol: `protocol`, source: source, destination: destination)
  }

  /// Every field as given.
  @inlinable @inline(__always)
  init(
    headerByteCount: Int, totalByteCount: Int, dscpAndECN: UInt8, identification: UInt16, dontFragment: Bool,
    moreFragments: Bool, fragmentOffset: UInt16, ttl: UInt8, protocol: IPProtocol, source: IPv4Address,
    destination: IPv4Address
  ) {
    self.headerByteCount = headerByteCount
    self.totalByteCount = totalByteCount
    self.dscpAndECN = dscpAndECN
    self.identification = identification
    self.dontFragment = dontFragment
    self.moreFragments = moreFragments
    self.fragmentOffset = fragmentOffset
    self.ttl = ttl
    self.protocol = `protocol`
    self.source = source
    self.destination = destination
  }

  /// The bytes between the header and the end of the packet.
  @inlinable public var payloadByteCount: Int { totalByteCount &- headerByteCount }

  /// Whether the payload is a part of a larger one. Source: RFC 791 § 2.3, "Fragmentation".
  @inlinable public var isFragment: Bool { moreFragments || fragmentOffset != 0 }
}
