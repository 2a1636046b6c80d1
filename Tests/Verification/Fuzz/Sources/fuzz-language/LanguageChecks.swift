import FuzzSupport

@testable import CleanQPipeline

/// What must hold of every text: it is a pipeline whose canonical form is the same pipeline, or it has one diagnostic that
/// can be shown.
enum LanguageChecks {
  static func check(_ text: String, cpuCount: Int) {
    do throws(Diagnostic) {
      let pipeline = try PipelineText.check(text, catalog: FuzzCatalog.catalog, cpuCount: cpuCount)
      require(pipeline.allStages.count >= 2, "a pipeline has two ends")
      checkCanonicalForm(of: pipeline, cpuCount: cpuCount)
    } catch {
      check(error, of: text)
    }
    do throws(Diagnostic) {
      let calls = try PipelineText.parse(text)
      require(!calls.isEmpty && calls.count <= PipelineText.maximumStageCount, "a text has from one to 64 stages")
      for call in calls { require(call.range.end <= text.utf8.count, "a stage is inside its text") }
    } catch {
      check(error, of: text)
    }
  }

  private static func checkCanonicalForm(of pipeline: CheckedPipeline, cpuCount: Int) {
    let canonical = pipeline.description
    // Quotes and keys may make it longer than a text may be.
    guard canonical.utf8.count <= PipelineText.maximumLengthBytes else { return }
    do throws(Diagnostic) {
      let again = try PipelineText.check(canonical, catalog: FuzzCatalog.catalog, cpuCount: cpuCount)
      require(again.description == canonical, "the canonical form is its own: \(canonical.debugDescription)")
      require(again.allStages.count == pipeline.allStages.count, "the canonical form has the same stages")
      for (one, other) in zip(again.allStages, pipeline.allStages) { checkSame(one, other) }
    } catch {
      violated("the canonical form \(canonical.debugDescription) is a pipeline: \(error)")
    }
  }

  private static func checkSame(_ one: CheckedStage, _ other: CheckedStage) {
    require(
      one.kind.name == other.kind.name && one.cpus == other.cpus && one.path == other.path && one.share == other.share,
      "a stage, its path, its share and its CPU stay the same")
    require(one.arguments.entries.map(\.values) == other.arguments.entries.map(\.values), "arguments stay the same")
  }

  private static func check(_ diagnostic: Diagnostic, of text: String) {
    require(diagnostic.range.end <= text.utf8.count, "a diagnostic is inside its text: \(diagnostic)")
    require(!diagnostic.message.isEmpty && diagnostic.message.last != ".", "a message is one sentence: \(diagnostic)")
    checkShown(diagnostic.render(source: text))
    require(diagnostic.render(source: text).hasPrefix(diagnostic.headline(source: text)), "the headline comes first")
    // Another text than the one that was parsed: the place may be wrong, but nothing traps.
    checkShown(diagnostic.render(source: String(text.unicodeScalars.dropFirst(text.unicodeScalars.count / 2))))
    checkShown(diagnostic.render(source: "", name: String(text.prefix(40))))
  }

  private static func checkShown(_ shown: String) {
    let lines = shown.unicodeScalars.split(separator: "\n", omittingEmptySubsequences: false)
    require((1...4).contains(lines.count), "a diagnostic has from one to four lines: \(shown.debugDescription)")
    for scalar in shown.unicodeScalars where scalar != "\n" {
      let value = scalar.value
      let isControl = value < 0x20 || (0x7F...0x9F).contains(value) || (0x202A...0x202E).contains(value)
      require(!isControl, "nothing that is shown steers a terminal: \(shown.debugDescription)")
    }
  }
}
