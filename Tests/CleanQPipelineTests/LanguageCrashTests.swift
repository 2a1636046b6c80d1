import CleanQPipeline
import Testing

@Suite("Language: a stage author's mistakes trap")
struct LanguageCrashTests {
  @Test("An unknown parameter name")
  func unknownName() async {
    await #expect(processExitsWith: .failure) {
      _ = try LanguageFixture.check("tap(t) | echo").stages[0].arguments.text("nmae")
    }
  }

  @Test("A getter of another type")
  func otherType() async {
    await #expect(processExitsWith: .failure) {
      _ = try LanguageFixture.check("tap(t) | echo").stages[0].arguments.integer("name")
    }
  }

  @Test("One value of a parameter that takes several")
  func severalValues() async {
    await #expect(processExitsWith: .failure) {
      _ = try LanguageFixture.check("source | udp(7) | echo").stages[1].arguments.integer("port")
    }
  }

  @Test("A default that is no value of the type")
  func badDefault() async {
    await #expect(processExitsWith: .failure) {
      _ = Parameter("n", .integer(1...2), default: "3", "")
    }
  }

  @Test("Two stages of one name")
  func twoOfOneName() async {
    await #expect(processExitsWith: .failure) {
      _ = StageCatalog([LanguageFixture.echo, LanguageFixture.echo])
    }
  }

  @Test("A shape that the kind does not list")
  func unlistedShape() async {
    await #expect(processExitsWith: .failure) {
      let kind = StageKind(name: "x", summary: "", shapes: [.sink]) { _ in LanguageFixture.Description(shape: .loop) }
      _ = try PipelineText.check("x | x", catalog: StageCatalog([kind]), cpuCount: 1)
    }
  }
}
