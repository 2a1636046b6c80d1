import CleanQPipeline
import Testing

@Suite("Language: carets under the place")
struct LanguageRenderTests {
  @Test("In a file the line and the name are shown, and comments count as lines")
  func file() {
    let text = "tap(tap0)\r\n  # the wire\r\n  | pcap(\"日本語 é.pcap\", fliter: x)\r\n  | echo\r\n"
    #expect(
      LanguageFixture.rendering(text, name: "echo.cleanq") == """
        echo.cleanq:3:24: "pcap" has no argument called "fliter"; did you mean "filter"?
            | pcap("日本語 é.pcap", fliter: x)
                                    ^~~~~~~
          help: \(LanguageFixture.pcap.signature)
        """)
  }

  @Test(
    "Tabs, wide characters, emoji and combining marks take the columns that they take",
    arguments: [
      ("tap(tap0)\t|\tipp | echo", "  tap(tap0)   |   ipp | echo\n                  ^~~"),
      ("tap(日本) | ipp | echo", "  tap(日本) | ipp | echo\n              ^~~"),
      ("tap(\"🛜👩‍🚀\") | ipp | echo", "  tap(\"🛜👩‍🚀\") | ipp | echo\n                ^~~"),
      ("tap(👩‍🚀) | ipp | echo", "  tap(👩‍🚀) | ipp | echo\n      ^~"),
      ("tap(e\u{301}) | ipp | echo", "  tap(e\u{301}) | ipp | echo\n           ^~~"),
      ("tap(t) | 日本 | echo", "  tap(t) | 日本 | echo\n           ^~~~"),
      ("\u{FEFF}ipp | echo", "  ipp | echo\n  ^~~"),
    ])
  func columns(_ text: String, _ expected: String) {
    let lines = LanguageFixture.rendering(text).split(separator: "\n").dropFirst().prefix(2)
    #expect(lines.joined(separator: "\n") == expected)
  }

  @Test("Of a long line the part around the place is shown")
  func longLine() {
    let label = String(repeating: "x", count: 300)
    let text = "tap(t) | count(\(label)) | ipp | count(\(label)) | echo"
    let lines = LanguageFixture.rendering(text).split(separator: "\n")
    #expect(lines.count == 3)
    #expect(lines[1].count <= 2 + 120 + 2)
    #expect(lines[1].hasPrefix("  …xxx") && lines[1].hasSuffix("xxx…"))
    let caret = lines[2].firstIndex(of: "^").map { lines[2].distance(from: lines[2].startIndex, to: $0) }
    #expect(lines[1].dropFirst(caret ?? 0).hasPrefix("ipp | "))
  }

  @Test("A range outside of the text, or inside of a character, does not trap")
  func anyRange() {
    for source in ["", "\n", "é\r\n\r\n", "\u{FEFF}", "\u{FEFF}x", "日\t\r", "👩‍🚀\n👩‍🚀"] {
      for start in 0..<24 {
        for length in 0..<24 {
          let diagnostic = Diagnostic("m", at: SourceRange(start, start + length), help: "h")
          #expect(diagnostic.render(source: source).hasPrefix("pipeline:"))
        }
      }
    }
  }

  @Test("The headline is the first line of the rendering")
  func headline() {
    let diagnostic = Diagnostic("wrong\nvery", at: SourceRange(2, 3))
    #expect(diagnostic.headline(source: "a\nbc", name: "f\u{1B}[m") == "f\u{FFFD}[m:2:1: wrong\u{FFFD}very")
    #expect(diagnostic.render(source: "a\nbc") == "pipeline:2:1: wrong\u{FFFD}very\n  bc\n  ^")
  }
}
