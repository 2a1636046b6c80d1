/// The headers of all frames between two stations and two hosts, with one protocol and as many hops, but for the length: to be
/// written with a store per word. Sendable.
///
/// No identification, "don't fragment" (RFC 6864 § 4.1), type of service 0.
@frozen
public struct IPv4FrameTemplate: Sendable, BitwiseCopyable {
  @usableFromInline let start: SIMD2<UInt64>
  /// The next eight bytes, without a length.
  @usableFromInline let middle: UInt64
  /// IP's addresses, as they lie in memory.
  public let addresses: UInt64
  /// The sum of IP's words but the length.
  @usableFromInline let sum: UInt16

  @inlinable
  public init(
    _ ethernet: EthernetHeader, source: IPv4Address, destination: IPv4Address, protocol: IPProtocol, hops: UInt8
  ) {
    let header = IPv4Header(
      source: source, destination: destination, protocol: `protocol`, payloadByteCount: 0, ttl: hops)
    let frame = IPv4Frame(ethernet, header)
    start = SIMD2(frame.link.first, frame.link.second)
    middle = frame.middle & ~0xFFFF
    addresses = frame.addresses
    sum = InternetChecksum.littleEndianSum(addresses, middle &+ UInt64(frame.ip.start))
  }

  /// Writes the headers of a frame with so many bytes of IP payload.
  ///
  /// SAFETY: the caller owns the ``IPv4Frame/byteCount`` bytes at `place`.
  ///
  /// - Complexity: O(1), four stores.
  @unsafe
  @inlinable @inline(__always)
  public func store(payloadByteCount: Int, at place: UnsafeMutableRawPointer) {
    let length = UInt16(truncatingIfNeeded: IPv4Header.byteCount &+ payloadByteCount).byteSwapped
    let (first, second) = (SIMD2(start.x.littleEndian, start.y.littleEndian), middle | UInt64(length))
    // SAFETY: all are inside the 34 bytes.
    unsafe place.storeBytes(of: first, as: SIMD2<UInt64>.self)
    unsafe place.storeBytes(of: second.littleEndian, toByteOffset: 16, as: UInt64.self)
    unsafe place.storeBytes(
      of: InternetChecksum.littleEndianChecksum(sum, length).littleEndian, toByteOffset: 24, as: UInt16.self)
    unsafe place.storeBytes(of: addresses.littleEndian, toByteOffset: 26, as: UInt64.self)
  }
}
