import CleanQPipeline
import Testing

@Suite("Language: limits")
struct LanguageLimitTests {
  private func firstLine(_ text: String) -> Substring {
    LanguageFixture.rendering(text).prefix { $0 != "\n" }
  }

  @Test func stages() throws {
    let most = Array(repeating: "count", count: 62).joined(separator: "|")
    #expect(try LanguageFixture.check("tap(t)|\(most)|echo").stages.count == PipelineText.maximumStageCount)
    #expect(
      firstLine("tap(t)|\(most)|count|echo")
        == "pipeline:1:386: more than 64 stages; make it two pipelines")
  }

  @Test func arguments() throws {
    let most = (1...64).map(String.init).joined(separator: ",")
    let pipeline = try LanguageFixture.check("source|udp(\(most))|echo")
    #expect(pipeline.stages[1].arguments.integers("port") == Array(1...64))
    #expect(
      firstLine("source|udp(\(most),65)|echo")
        == "pipeline:1:195: more than 64 arguments for \"udp\"; take some out")
  }

  @Test func length() throws {
    let text = "tap(t)|echo"
    let most = text + String(repeating: " ", count: PipelineText.maximumLengthBytes - text.utf8.count)
    #expect(try LanguageFixture.check(most).stages.count == 2)
    #expect(firstLine(most + "é") == "pipeline:1:65537: the pipeline is 65538 bytes long; 65536 is the most")
  }

  @Test("One word of 64 KiB is shortened in the message")
  func longWord() {
    let word = String(repeating: "x", count: 65_000)
    #expect(firstLine("\(word)|echo").count < 250)
    #expect(LanguageFixture.rendering("tap(\(word))|echo").count < 600)
  }

  @Test func cpu() throws {
    #expect(try PipelineText.parse("a@65535").first?.cpu?.numbers == [PipelineText.maximumCPU])
    #expect(throws: Diagnostic.self) { try PipelineText.parse("a@65536") }
  }
}
