import CleanQPipeline
import Testing

/// Texts of pipelines that run in instances, one on each CPU of a list.
@Suite("Language: instances of a pipeline")
struct LanguageInstancesTests {
  private func check(_ text: String) throws -> CheckedPipeline {
    try LanguageFixture.check(text, cpuCount: 4, catalog: LanguageFixture.deviceCatalog)
  }

  @Test("a list of CPUs after the first stage makes instances; in canonical form it is what was written")
  func list() throws {
    let text = "device(queues: 3)@0,3,1 | count | discard"
    let pipeline = try check("device( queues:3 )@0,3,1|count|discard")
    #expect(pipeline.instanceCPUs == [0, 3, 1])
    #expect(pipeline.stages.map(\.cpus) == [[0, 3, 1], [0, 3, 1], [0, 3, 1]])
    #expect(pipeline.description == text)
    #expect(try check(text).description == text)
    let mark = try #require(pipeline.stages[0].call.cpu)
    #expect(mark.isList && mark.range == SourceRange(18, 24))
    #expect(mark.places == [SourceRange(19, 20), SourceRange(21, 22), SourceRange(23, 24)])
  }

  @Test("a single mark makes one instance, as ever")
  func single() throws {
    let pipeline = try check("device@2 | count | discard@3")
    #expect(pipeline.instanceCPUs.isEmpty && pipeline.stages.map(\.cpus) == [[2], [2], [3]])
  }

  @Test("a loopback stands in any number of instances")
  func loopback() throws { #expect(try check("loopback@0,1 | count | discard").instanceCPUs == [0, 1]) }

  @Test("what is wrong, to the letter", arguments: Self.cases)
  func diagnostic(_ golden: LanguageGoldenCase) {
    let shown = LanguageFixture.rendering(golden.input, cpuCount: 4, catalog: LanguageFixture.deviceCatalog)
    #expect(shown == golden.rendering)
  }

  static let cases: [LanguageGoldenCase] = [
    LanguageGoldenCase(
      "tap(tap0)@0,1 | echo",
      #"""
      pipeline:1:10: "tap" can be opened once only, not by 2 instances; give it queues: 2, or write one CPU
        tap(tap0)@0,1 | echo
                 ^~~~
      """#),
    LanguageGoldenCase(
      "device(queues: 2) | echo",
      #"""
      pipeline:1:1: "device" has 2 queues, one for each instance of the pipeline, but there is one instance; list 2 CPUs after the first stage, as in @0,1
        device(queues: 2) | echo
        ^~~~~~~~~~~~~~~~~
      """#),
    LanguageGoldenCase(
      "device(queues: 2)@0,1,2 | echo",
      #"""
      pipeline:1:18: "device" has 2 queues, one for each instance of the pipeline, but there are 3 instances; list 2 CPUs after the first stage, as in @0,1
        device(queues: 2)@0,1,2 | echo
                         ^~~~~~
      """#),
    LanguageGoldenCase(
      "device(queues: 2)@0,1 | count | tap(tap0)",
      #"""
      pipeline:1:33: "tap" can be opened once only, not by 2 instances; give it queues: 2, or write one CPU
        device(queues: 2)@0,1 | count | tap(tap0)
                                        ^~~~~~~~~
      """#),
    LanguageGoldenCase(
      "device(queues: 2)@0,1 | device(queues: 3)",
      #"""
      pipeline:1:25: "device" has 3 queues, one for each instance of the pipeline, but there are 2 instances; list 3 CPUs after the first stage, as in @0,1,2
        device(queues: 2)@0,1 | device(queues: 3)
                                ^~~~~~~~~~~~~~~~~
      """#),
    LanguageGoldenCase(
      "device(queues: 2) | echo@0,1",
      #"""
      pipeline:1:25: a list of CPUs can stand after the first stage only, where it runs an instance of the whole pipeline on each; move it to "device"
        device(queues: 2) | echo@0,1
                                ^~~~
      """#),
    LanguageGoldenCase(
      "device(queues: 2)@0,1 | count@1 | echo",
      #"""
      pipeline:1:30: each instance of the pipeline runs on its own CPU of the list after "device"; take this mark out
        device(queues: 2)@0,1 | count@1 | echo
                                     ^~
      """#),
    LanguageGoldenCase(
      "device(queues: 2)@0,0 | echo",
      #"""
      pipeline:1:21: CPU 0 is listed twice; keep one
        device(queues: 2)@0,0 | echo
                            ^
      """#),
    LanguageGoldenCase(
      "device(queues: 2)@1,7 | echo",
      #"""
      pipeline:1:21: there is no CPU 7; this machine has CPUs 0…3
        device(queues: 2)@1,7 | echo
                            ^
      """#),
    LanguageGoldenCase(
      "device(queues: 2)@1,2x | echo",
      #"""
      pipeline:1:21: "2x" is not a CPU number; write digits after the @, as in echo@0
        device(queues: 2)@1,2x | echo
                            ^~
      """#),
    LanguageGoldenCase(
      "device(queues: 2)@0, 1 | echo",
      #"""
      pipeline:1:20: a comma stands after "device"; put | between stages
        device(queues: 2)@0, 1 | echo
                           ^
        help: a list of CPUs is written in one word, as in device@0,1
      """#),
    LanguageGoldenCase(
      "device@0,1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16 | echo",
      #"""
      pipeline:1:7: more than 16 CPUs in one list; take some out
        device@0,1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16 | echo
              ^~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~
      """#),
  ]
}
