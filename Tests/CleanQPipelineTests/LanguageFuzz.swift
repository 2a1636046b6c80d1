import CleanQPipeline
import Testing
import TestSupport

@Suite("Language: any text gives a pipeline or one diagnostic")
struct LanguageFuzz {
  /// Set this to the seed of a failure to see it again.
  private static let fixedSeed: UInt64? = nil
  private static let pieces = [
    "|", "(", ")", ",", ":", "@", "#", "\"", "\\", "\n", " ", "\t", "\r\n", "\0", "é", "日", "👩‍🚀", "\u{301}", "\u{FEFF}",
    "\u{A0}", "“", "tap", "ip", "udp", "pcap", "echo", "name:", "read", "7", "-1", "99999999999999999999", "@1", "\\n",
    "{", "}", ";", " as ", "lane(1)", "share: 3",
  ]

  private static let good = LanguageTests.good.map(\.text) + LanguageForkTests.good.map(\.text)

  /// Checks a text, and what must hold of the outcome.
  private func probe(_ text: String, seed: UInt64) {
    do throws(Diagnostic) {
      let pipeline = try LanguageFixture.check(text, catalog: LanguageFixture.forkCatalog)
      let canonical = pipeline.description
      do throws(Diagnostic) {
        let again = try LanguageFixture.check(canonical, catalog: LanguageFixture.forkCatalog)
        #expect(again.description == canonical, "seed \(seed): \(text.debugDescription)")
        #expect(again.allStages.map(\.path) == pipeline.allStages.map(\.path), "seed \(seed): \(text.debugDescription)")
        #expect(again.allStages.map(\.cpus) == pipeline.allStages.map(\.cpus), "seed \(seed): \(text.debugDescription)")
      } catch {
        Issue.record("seed \(seed): \(text.debugDescription) became \(canonical.debugDescription): \(error)")
      }
    } catch {
      let lines = error.render(source: text).split(separator: "\n", omittingEmptySubsequences: false)
      let isInside = error.range.end <= text.utf8.count
      let isShown = (1...4).contains(lines.count) && lines.allSatisfy { !$0.contains("\0") }
      #expect(isInside && isShown, "seed \(seed): \(text.debugDescription)")
    }
  }

  private func generator() -> (SeededGenerator, UInt64) {
    let seed = Self.fixedSeed ?? UInt64.random(in: 0...UInt64.max)
    return (SeededGenerator(seed: seed), seed)
  }

  @Test("Good texts with pieces put in, taken out and exchanged")
  func mutations() {
    var (random, seed) = generator()
    for _ in 0..<6_000 {
      var text = Array((Self.good.randomElement(using: &random) ?? "").unicodeScalars)
      for _ in 0..<Int.random(in: 1...4, using: &random) {
        let start = Int.random(in: 0...text.count, using: &random)
        let end = min(text.count, start + Int.random(in: 0...3, using: &random))
        let piece = Bool.random(using: &random) ? Self.pieces.randomElement(using: &random) ?? "" : ""
        text.replaceSubrange(start..<end, with: piece.unicodeScalars)
      }
      probe(String(String.UnicodeScalarView(text)), seed: seed)
    }
  }

  @Test("Pieces of the language in any order")
  func soup() {
    var (random, seed) = generator()
    for _ in 0..<6_000 {
      let count = Int.random(in: 0...24, using: &random)
      probe((0..<count).map { _ in Self.pieces.randomElement(using: &random) ?? "" }.joined(), seed: seed)
    }
  }

  @Test("Random bytes")
  func bytes() {
    var (random, seed) = generator()
    for _ in 0..<4_000 {
      let count = Int.random(in: 0...64, using: &random)
      let bytes = (0..<count).map { _ in UInt8.random(in: 0...255, using: &random) }
      probe(String(decoding: bytes, as: UTF8.self), seed: seed)
    }
  }

  @Test("A good text cut off anywhere")
  func prefixes() {
    for good in LanguageTests.good {
      let scalars = Array(good.text.unicodeScalars)
      for count in scalars.indices { probe(String(String.UnicodeScalarView(scalars[..<count])), seed: 0) }
    }
  }

  @Test("Any value that goes in comes out")
  func values() throws {
    var (random, seed) = generator()
    for _ in 0..<4_000 {
      let count = Int.random(in: 1...6, using: &random)
      let value = (0..<count).map { _ in Self.pieces.randomElement(using: &random) ?? "" }.joined()
        .unicodeScalars.filter { $0 != "\0" && $0 != "\r" }
      let quoted = value.map { ["\"": "\\\"", "\\": "\\\\", "\n": "\\n"][$0] ?? String($0) }.joined()
      let pipeline = try LanguageFixture.check("source | count(\"\(quoted)\") | echo")
      let again = try LanguageFixture.check(pipeline.description)
      #expect(again.stages[1].arguments.text("label") == String(value), "seed \(seed)")
      #expect(pipeline.stages[1].arguments.text("label") == String(value), "seed \(seed)")
    }
  }
}
