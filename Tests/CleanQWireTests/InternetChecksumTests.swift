import CleanQWire
import Testing
import TestSupport

@Suite struct InternetChecksumTests {
  @Test("RFC 1071 § 3: the sum of 00 01 f2 03 f4 f5 f6 f7 is dd f2")
  func rfc1071Example() {
    #expect(checksum(hex("0001f203f4f5f6f7")) == ~0xDDF2)
  }

  @Test func emptyAndTiny() {
    #expect(checksum([]) == 0xFFFF)
    #expect(checksum([0x12]) == ~0x1200)
    #expect(checksum([0x12, 0x34]) == ~0x1234)
    #expect(InternetChecksum().value == 0xFFFF)
    #expect(!InternetChecksum().isValid)
    #expect(checksum([UInt8](repeating: 0xFF, count: 70_000)) == 0)
  }

  @Test("Every length 0…1500 at both alignments is as the bytewise sum", arguments: seeds(3))
  func agreesWithReference(seed: UInt64) {
    var random = SeededGenerator(seed: seed)
    let bytes = random.bytes(1501)
    for start in 0...1 {
      // The reference, continued one byte at a time: prefix after prefix.
      var sum = 0
      for length in 0...1500 {
        let got = InternetChecksum.of(bytes.span.extracting(start..<min(start + length, 1501)))
        if start + length <= 1501, got != ~UInt16(sum) {
          Issue.record("seed \(seed), start \(start), length \(length): \(got), not \(~UInt16(sum))")
          return
        }
        guard start + length < 1501 else { break }
        let byte = Int(bytes[start + length])
        sum += length % 2 == 0 ? byte << 8 : byte
        if sum > 0xFFFF { sum -= 0xFFFF }
      }
    }
  }

  @Test("Pieces of any lengths sum as the whole does", arguments: seeds(3))
  func piecesSumAsWhole(seed: UInt64) {
    var random = SeededGenerator(seed: seed)
    for _ in 0..<200 {
      let bytes = random.bytes(Int.random(in: 0...300, using: &random))
      var running = InternetChecksum()
      var whole = InternetChecksum()
      var start = 0
      while start < bytes.count {
        let end = Int.random(in: start...bytes.count, using: &random)
        running.add(bytes.span.extracting(start..<end))
        start = end
      }
      whole.add(bytes.span)
      #expect(running.value == naiveChecksum(bytes), "seed \(seed), bytes \(bytes)")
      #expect(running == whole, "seed \(seed), bytes \(bytes)")
    }
  }

  @Test("Summed in line behind two words, every length 0…400 is as the bytewise sum", arguments: seeds(3))
  func inLine(seed: UInt64) {
    var random = SeededGenerator(seed: seed)
    for length in 0...400 {
      // All ones are where a lost carry shows.
      let bytes = length % 3 == 0 ? [UInt8](repeating: 0xFF, count: 16 + length) : random.bytes(16 + length)
      var checksum = InternetChecksum()
      checksum.add(littleEndian: bytes.span.littleEndian64(at: 0))
      checksum.add(littleEndian: bytes.span.littleEndian64(at: 8))
      checksum.addInline(bytes.span.extracting(droppingFirst: 16))
      #expect(checksum.value == naiveChecksum(bytes), "seed \(seed), length \(length)")
      #expect(checksum.isValid == (naiveChecksum(bytes) == 0), "seed \(seed), length \(length)")
      var withOne = InternetChecksum()
      withOne.add(littleEndian: 1)
      withOne.addInline(bytes.span)
      let right = naiveChecksum(bytes) == 0 ? 0xFFFF : naiveChecksum(bytes)
      #expect(withOne.littleEndianValueBeyondOne.byteSwapped == right, "seed \(seed), length \(length)")
    }
  }

  @Test("A header's three words are valid exactly where the bytewise sum says so", arguments: seeds(3))
  func header(seed: UInt64) {
    var random = SeededGenerator(seed: seed)
    for round in 0..<2000 {
      var bytes: [UInt8] = [0x45] + random.bytes(23)
      if round % 7 == 0 { bytes[4...] = ArraySlice([UInt8](repeating: 0xFF, count: 20)) }
      (bytes[10], bytes[11]) = (0, 0)
      let zeroed = bytes
      let span = zeroed.span
      let (first, second) = (span.littleEndian64(at: 0), span.littleEndian64(at: 8))
      let start = InternetChecksum.littleEndianSum(
        UInt64(InternetChecksum.littleEndianSum(first, second)), UInt64(span.littleEndian16(at: 16)))
      let right = naiveChecksum([UInt8](bytes[..<20]))
      let checksum = InternetChecksum.littleEndianChecksum(start, span.littleEndian16(at: 18))
      #expect(checksum.byteSwapped == right, "seed \(seed): \(bytes)")
      for value in [right, right &+ 1, right ^ 0x8000, ~right] {
        (bytes[10], bytes[11]) = (UInt8(value >> 8), UInt8(value & 0xFF))
        let given = bytes
        let words = given.span
        let isValid = InternetChecksum.isValid(
          littleEndian: words.littleEndian64(at: 0), words.littleEndian64(at: 8), words.littleEndian64(at: 16))
        #expect(isValid == (naiveChecksum(bytes) == 0), "seed \(seed): \(bytes)")
      }
    }
  }

  @Test func wordsAndAddressesAreAsTheirBytes() {
    var checksum = InternetChecksum()
    checksum.add(UInt16(0x0102))
    checksum.add(IPv4Address(0xF3, 4, 5, 0xF6))
    #expect(checksum.value == naiveChecksum([1, 2, 0xF3, 4, 5, 0xF6]))
    #expect(!checksum.isValid)
    checksum.add(checksum.value)
    #expect(checksum.isValid)
  }

  @Test("RFC 1624 § 4: 0xDD2F, with 0x5555 become 0x3285, is 0x0000 by equation 3")
  func rfc1624Example() {
    #expect(InternetChecksum.updated(0xDD2F, replacing: 0x5555, with: 0x3285) == 0x0000)
  }

  @Test("All 65536 new words: the updated checksum is the computed one", arguments: seeds(3))
  func updateAgreesWithRecomputation(seed: UInt64) {
    var random = SeededGenerator(seed: seed)
    // 0x45 keeps the rest from being all zeros.
    var bytes: [UInt8] = [0x45] + random.bytes(9)
    let old = UInt16(bytes[4]) << 8 | UInt16(bytes[5])
    let before = naiveChecksum(bytes)
    for new in UInt16.min...UInt16.max {
      bytes[4] = UInt8(new >> 8)
      bytes[5] = UInt8(new & 0xFF)
      let after = InternetChecksum.updated(before, replacing: old, with: new)
      if after != naiveChecksum(bytes) {
        Issue.record("seed \(seed), \(old) to \(new): \(after), not \(naiveChecksum(bytes))")
        return
      }
    }
  }

  @Test("Equation 3 gives -0 where the old packet's sum was of zeros alone, as its comment warns")
  func updateToAllZeros() {
    #expect(InternetChecksum.updated(~0x0800, replacing: 0x0800, with: 0) == 0)
    #expect(naiveChecksum([0, 0]) == 0xFFFF)
  }
}
