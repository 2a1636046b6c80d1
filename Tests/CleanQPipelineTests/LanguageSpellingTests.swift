import Testing

@testable import CleanQPipeline

@Suite("Language: the nearest spelling")
struct LanguageSpellingTests {
  @Test(
    arguments: [
      ("", "", 0), ("", "abc", 3), ("abc", "abc", 0), ("abc", "abd", 1), ("abc", "ac", 1), ("ac", "abc", 1),
      ("abc", "acb", 1), ("ca", "abc", 3), ("fliter", "filter", 1), ("kitten", "sitting", 3),
    ])
  func distance(_ a: String, _ b: String, _ expected: Int) {
    #expect(Spelling.distance(Array(a), Array(b)) == expected)
    #expect(Spelling.distance(Array(b), Array(a)) == expected)
  }

  @Test(
    arguments: [
      ("ipp", "ip"), ("pi", "ip"), ("IP", "ip"), ("i", "ip"), ("uddp", "udp"), ("pcpa", "pcap"), ("dsicrad", "discard"),
      ("loop", "loopback"), ("dis", "discard"),
    ])
  func near(_ word: String, _ expected: String) {
    #expect(Spelling.nearest(to: word, among: LanguageFixture.catalog.names) == expected)
  }

  @Test(arguments: ["", "x", "zz", "tcp-segment", "loo", String(repeating: "tap", count: 10_000)])
  func far(_ word: String) {
    #expect(Spelling.nearest(to: word, among: ["tap", "ip", "loopback", "loosen"]) == nil)
  }

  @Test("Every single slip in a name of three letters or more finds the name or another as near")
  func slips() throws {
    let names = LanguageFixture.catalog.names
    for name in names where name.count >= 3 {
      let letters = Array(name)
      for index in letters.indices {
        var dropped = letters
        dropped.remove(at: index)
        var changed = letters
        changed[index] = "é"
        for slip in [dropped, changed] {
          let found = try #require(Spelling.nearest(to: String(slip), among: names))
          #expect(Spelling.distance(slip, Array(found)) == 1)
        }
      }
    }
  }
}
