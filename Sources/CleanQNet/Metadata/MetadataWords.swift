public import CleanQ
public import CleanQWire

/// Hops, protocol, family, flags and the length of the link header, in one word of a line of metadata.
@usableFromInline
enum MetadataMarks {
  /// The flag of a packet that was sent to many.
  @inlinable
  static var broadcast: UInt32 { 1 << 16 }
  /// The flag of a fragment that is not the first.
  @inlinable
  static var laterFragment: UInt32 { 1 << 17 }
  /// The version of IP, in four bits; 0 where the line says nothing.
  @inlinable
  static var ipv4: UInt32 { 4 << 20 }

  /// Those of a packet of IPv4, with no flag.
  @inlinable
  @inline(__always)
  static func ipv4(hops: UInt8, _ protocol: IPProtocol) -> UInt32 {
    UInt32(hops) | UInt32(`protocol`.rawValue) << 8 | ipv4
  }
}

/// The words of a line of metadata that layers use, a load or a store each: what they have compared with a buffer's length
/// once is not compared again for each word; unsafe is only that. See ``PacketMetadata`` for what is where.
@frozen
@usableFromInline
@unsafe
struct MetadataWords {
  @usableFromInline let line: UnsafeMutableRawPointer

  /// SAFETY: the buffer has metadata, and its owner uses the words while it is that.
  @inlinable
  @inline(__always)
  init(_ buffer: borrowing Buffer) { unsafe line = unsafe buffer.metadata }

  @inlinable
  @inline(__always)
  var marks: UInt32 {
    // SAFETY: inside the line, as all below.
    get { unsafe line.loadUnaligned(fromByteOffset: 16, as: UInt32.self) }
    nonmutating set { unsafe line.storeBytes(of: newValue, toByteOffset: 16, as: UInt32.self) }
  }

  /// Protocol, family and flags, of ``marks``.
  @inlinable
  @inline(__always)
  var protocolAndFlags: UInt16 { unsafe line.loadUnaligned(fromByteOffset: 17, as: UInt16.self) }

  /// Bytes of IP header of a received packet.
  @inlinable
  @inline(__always)
  var headerByteCount: Int { Int(unsafe line.loadUnaligned(fromByteOffset: 20, as: UInt16.self)) }

  /// Where the frame of a received packet begins in its buffer.
  @inlinable
  @inline(__always)
  var frameOffset: Int { Int(unsafe line.loadUnaligned(fromByteOffset: 22, as: UInt16.self)) }

  /// Sets the two.
  @inlinable
  @inline(__always)
  func place(headerByteCount: Int, frameOffset: Int) {
    unsafe line.storeBytes(of: UInt16(truncatingIfNeeded: headerByteCount), toByteOffset: 20, as: UInt16.self)
    unsafe line.storeBytes(of: UInt16(truncatingIfNeeded: frameOffset), toByteOffset: 22, as: UInt16.self)
  }

  /// Says of a packet to be sent what it is, and that none of its headers is in the buffer yet.
  @inlinable
  @inline(__always)
  func setOutgoing(_ marks: UInt32) { unsafe line.storeBytes(of: UInt64(marks), toByteOffset: 16, as: UInt64.self) }

  /// Both ports of a datagram, as they lie in its header.
  @inlinable
  @inline(__always)
  var ports: UInt32 {
    get { UInt32(littleEndian: unsafe line.loadUnaligned(fromByteOffset: 24, as: UInt32.self)) }
    nonmutating set { unsafe line.storeBytes(of: newValue.littleEndian, toByteOffset: 24, as: UInt32.self) }
  }

  /// Both addresses of IPv4, as they lie in its header.
  @inlinable
  @inline(__always)
  var addresses: UInt64 {
    get { UInt64(littleEndian: unsafe line.loadUnaligned(fromByteOffset: 32, as: UInt64.self)) }
    nonmutating set { unsafe line.storeBytes(of: newValue.littleEndian, toByteOffset: 32, as: UInt64.self) }
  }

  @inlinable
  var source: IPv4Address { unsafe IPv4Address(rawValue: UInt32(truncatingIfNeeded: addresses).byteSwapped) }

  @inlinable
  var destination: IPv4Address { unsafe IPv4Address(rawValue: UInt32(truncatingIfNeeded: addresses >> 32).byteSwapped) }
}
