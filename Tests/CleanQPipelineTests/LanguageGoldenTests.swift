import CleanQPipeline
import Testing

/// A bad text and exactly what is shown for it.
struct LanguageGoldenCase: CustomTestStringConvertible, Sendable {
  var input: String
  var rendering: String

  init(_ input: String, _ rendering: String) {
    self.input = input
    self.rendering = rendering
  }

  var testDescription: String { input.debugDescription }
}

@Suite("Language: diagnostics, to the letter")
struct LanguageGoldenTests {
  @Test(arguments: LanguageSyntaxGolden.cases)
  func syntax(_ golden: LanguageGoldenCase) {
    #expect(LanguageFixture.rendering(golden.input) == golden.rendering)
  }

  @Test(arguments: LanguageArgumentGolden.cases)
  func arguments(_ golden: LanguageGoldenCase) {
    #expect(LanguageFixture.rendering(golden.input) == golden.rendering)
  }

  @Test(arguments: LanguageTypingGolden.cases)
  func typing(_ golden: LanguageGoldenCase) {
    #expect(LanguageFixture.rendering(golden.input) == golden.rendering)
  }

  @Test("A machine with one CPU is told so")
  func oneCPU() {
    let text = LanguageFixture.rendering("tap(tap0)@1 | echo", cpuCount: 1)
    #expect(text.hasPrefix("pipeline:1:10: there is no CPU 1; this machine has one CPU, number 0\n"))
  }
}
