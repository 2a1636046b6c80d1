import CleanQPipeline
import Testing

/// Blocks in the text language: what they mean, and what is said of those that are wrong.
@Suite("Language: forks") struct LanguageForkTests {
  /// A text, its canonical form, and the paths of its stages.
  struct Good: Sendable {
    var text: String
    var canonical: String
    var paths: [String]
  }

  static let good = [
    Good(
      text: "tap(t){lane(1)|echo;lane(2)@1|count|discard;}",
      canonical: "tap(t) { lane(1) | echo; lane(2)@1 | count | discard }",
      paths: ["tap", "tap/lane:1", "tap/lane:1/echo", "tap/lane:2", "tap/lane:2/count", "tap/lane:2/discard"]),
    Good(
      text: "tap(t) | count | count as all { pcap(\"a;b}\", share: 9) | lane(1, 2) as wide@0 { lane(1) | echo } }",
      canonical: "tap(t) | count | count as all { pcap(a;b}, share: 9) | lane(1, 2)@0 as wide { lane(1) | echo } }",
      paths: ["tap", "count", "all", "wide/pcap", "wide", "wide/lane:1", "wide/lane:1/echo"]),
    Good(
      text: "tap(t) { lane(1) | count | count | loopback\n;\tlane(2) { lane(2) | echo } }",
      canonical: "tap(t) { lane(1) | count | count | loopback; lane(2) { lane(2) | echo } }",
      paths: [
        "tap", "tap/lane:1", "tap/lane:1/count", "tap/lane:1/count-2", "tap/lane:1/loopback", "tap/lane:2",
        "tap/lane:2/lane:2", "tap/lane:2/lane:2/echo",
      ]),
  ]

  @Test("texts, their canonical forms and their paths", arguments: good)
  func canonicalForm(_ good: Good) throws {
    let pipeline = try LanguageFixture.check(good.text, catalog: LanguageFixture.forkCatalog)
    #expect(pipeline.description == good.canonical)
    #expect(pipeline.allStages.map(\.path) == good.paths)
    let again = try LanguageFixture.check(good.canonical, catalog: LanguageFixture.forkCatalog)
    #expect(again.description == good.canonical)
  }

  @Test("shares and CPUs")
  func shares() throws {
    let text = "tap(t)@0 { lane(1, share: 64) | echo; lane(2)@1 | echo }"
    let pipeline = try LanguageFixture.check(text, catalog: LanguageFixture.forkCatalog)
    #expect(pipeline.allStages.map(\.share) == [nil, 64, nil, nil, nil])
    #expect(pipeline.allStages.map(\.cpus) == [[0], [0], [0], [1], [1]])
  }

  private static let bad: [(text: String, message: String)] = [
    ("tap(t) { }", "1:8: the block after \"tap\" is empty; put branches in it, or delete it"),
    ("tap(t) { lane(1) | echo", "1:8: the block after \"tap\" is not closed; put a } at its end"),
    ("tap(t) { lane(1) | echo }}", "1:26: a } without an opening brace; delete it"),
    ("tap(t) | echo;", "1:14: a ; stands outside a block; it separates the branches in { }"),
    ("tap(t) { lane(1) | echo;; }", "1:25: no stage stands before this ;; add a branch or delete it"),
    ("tap(t) { ; lane(1) | echo }", "1:10: no stage stands before this ;; add a branch or delete it"),
    ("tap(t) { lane(1) | ; lane(2) | echo }", "1:18: no stage stands after the last |; add one or delete the |"),
    ("tap(t) { lane(1) | echo lane(2) | echo }", "1:25: a | or a ; is missing between \"echo\" and \"lane\""),
    (
      "tap(t) { lane(1) | echo } | echo",
      "1:27: nothing can stand after the block of \"tap\", which is the right end; put it in a branch"
    ),
    ("tap(t) { lane(1) | echo } { lane(2) | echo }", "1:27: a second block after \"tap\"; put all branches in one"),
    (
      "{ tap(a); tap(b) } | echo",
      "1:1: a block stands where a stage belongs: several ports below one stage are not supported yet; begin with one stage"
    ),
    ("tap(t) | echo { lane(1) | echo }", "1:10: nothing comes out of \"echo\" for a block to take; take the block out"),
    (
      "tap(t) { lane(1) | echo; lane(2, 1) | echo }",
      "1:26: lane 1 is claimed twice, here and by \"lane(1)\"; take one out"
    ),
    (
      "tap(t) { lane(1) | echo; count | echo }",
      "1:26: the branch of \"count\" does not say which frames are its own; begin it with lane(LANE, …)"
    ),
    (
      "tap(t) { ip(10.0.0.2/24) | udp(7) | echo }",
      "1:10: the branch of \"ip\" does not say which frames are its own; begin it with lane(LANE, …)"
    ),
    (
      "tap(t) { udp(7) | echo }",
      "1:10: \"udp\" takes packets, but \"tap\" below it gives frames; put ip(ADDRESS/PREFIX) between them"
    ),
    ("tap(t) { lane(1) }", "1:10: nothing stands above \"lane\"; end the branch with echo or discard"),
    ("tap(t) { lane(1) | checked | echo }", "1:20: \"checked\" cannot stand in a branch yet; put it below the block"),
    (
      "tap(t) { lane(1) | tap(u) | echo }",
      "1:20: \"tap\" stands at an end of a pipeline, not in the middle; move it there, or make two pipelines"
    ),
    (
      "tap(t) | count(share: 3) | echo",
      "1:16: a share of the buffers belongs to a branch; write it at the first stage of one"
    ),
    ("tap(t) { lane(1, share: 0) | echo }", "1:25: bad share \"0\": write a number of buffers, 1 to 65536"),
    ("tap(t) as x | count as x | echo", "1:24: two stages are called \"x\"; rename one"),
    ("tap(t) as | echo", "1:8: no name stands after \"as\"; write tap as NAME"),
    ("tap(t) as 9 | echo", "1:11: \"9\" is not a name for a stage; write a letter, then letters, digits and -"),
    (
      "tap(t) { lane(1) | nothing }",
      "1:20: no stage is called \"nothing\"; the stages are tap, pcap, ip, udp, echo, discard, loopback, count, source, lane and checked"
    ),
  ]

  @Test("mistakes", arguments: bad.indices)
  func mistake(_ index: Int) {
    let (text, message) = Self.bad[index]
    let shown = LanguageFixture.rendering(text, catalog: LanguageFixture.forkCatalog)
    #expect(shown.split(separator: "\n").first.map(String.init) == "pipeline:" + message)
  }

  @Test("too many branches, blocks and stages")
  func limits() {
    func first(_ text: String) -> String {
      LanguageFixture.rendering(text, catalog: LanguageFixture.forkCatalog).split(separator: "\n").first.map(
        String.init) ?? ""
    }
    let branches = (0..<25).map { "lane(\($0)) | echo" }.joined(separator: "; ")
    #expect(first("tap(t) { \(branches) }").contains("more than 24 branches; make it two pipelines"))
    let deep = String(repeating: "lane(1) { ", count: 9) + "lane(1) | echo" + String(repeating: " }", count: 9)
    #expect(first("tap(t) { \(deep) }").contains("more than 8 blocks inside each other; make it two pipelines"))
    let long = String(repeating: "count | ", count: 61) + "echo"
    #expect(first("tap(t) { lane(1) | \(long) }").hasPrefix("no mistake"))
    #expect(first("tap(t) { lane(1) | count | \(long) }").contains("more than 64 stages"))
  }
}
