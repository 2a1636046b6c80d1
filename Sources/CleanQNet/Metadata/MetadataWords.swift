internal import CleanQ
internal import CleanQWire

// The common packet's words, a load or a store each. What the layers have compared with the buffer's lengths once is not
// compared again for each word; unsafe is only that.

/// Words at an address of which the owner of the bytes there knows how many may be touched.
@unsafe
struct PacketWords {
  private let start: UnsafeMutableRawPointer

  @inline(__always)
  init(_ start: UnsafeMutableRawPointer) { unsafe self.start = unsafe start }

  /// Writes a number, its low byte first, at any alignment.
  @inline(__always)
  func store<Word: FixedWidthInteger & BitwiseCopyable>(_ word: Word, at offset: Int) {
    // SAFETY: who made the words knows that the bytes are there and its own.
    unsafe start.storeBytes(of: word.littleEndian, toByteOffset: offset, as: Word.self)
  }

  /// Writes 16 bytes at the start, at any alignment.
  @inline(__always)
  func store(_ words: SIMD2<UInt64>) {
    let words = SIMD2(words.x.littleEndian, words.y.littleEndian)
    // SAFETY: as above.
    unsafe start.storeBytes(of: words, as: SIMD2<UInt64>.self)
  }

  /// The number at an offset, its low byte first, at any alignment.
  @inline(__always)
  func load<Word: FixedWidthInteger & BitwiseCopyable>(at offset: Int) -> Word {
    // SAFETY: as for `store`.
    Word(littleEndian: unsafe start.loadUnaligned(fromByteOffset: offset, as: Word.self))
  }
}

extension Buffer {
  /// The words of the valid part: `validByteCount` bytes of them are there, and `headroom` in front.
  @unsafe
  @inline(__always)
  var words: PacketWords { unsafe PacketWords(address) }

  /// The words of the metadata, of a buffer that has one (``hasMetadata``): both addresses at 0; at 8 the protocol and
  /// the three bytes behind it; at 12 the two ports of a datagram.
  @unsafe
  @inline(__always)
  var metadataWords: PacketWords { unsafe PacketWords(address - headroom) }
}
