import CleanQ
import CleanQCaptureStages
import CleanQPipeline
import Testing
import TestSupport

@Suite struct PcapStageTests {
  let catalog = StageCatalog([PcapTap.kind, Count.kind, Discard.kind, Loopback.kind])

  func check(_ text: String) throws(Diagnostic) -> [any StageDescription] {
    try PipelineText.check(text, catalog: catalog, cpuCount: 1).stages.map(\.description)
  }

  func diagnostic(_ text: String) -> String {
    do {
      _ = try check(text)
      return "nothing"
    } catch { return error.message }
  }

  @Test func `a text becomes the tap that it describes`() throws {
    let stages = try check(
      "loopback | pcap(f.pcap, filter: \"udp port 7\", snaplen: 96, precision: nano, count: 100) | discard")
    let tap = PcapTap("f.pcap", filter: "udp port 7", snaplen: 96, precision: .nano, count: 100)
    #expect(stages[1] as? PcapTap == tap)
    #expect(try check("loopback | pcap(-) | discard")[1] as? PcapTap == PcapTap("-"))
  }

  @Test func `with read it is the file at the left end`() throws {
    let stages = try check("pcap(in.pcap, read, filter: arp, count: 3) | discard")
    #expect(stages[0] as? PcapFile == PcapFile("in.pcap", filter: "arp", count: 3))
    #expect(diagnostic("loopback | pcap(in.pcap, read)") != "nothing")
    #expect(diagnostic("pcap(out.pcap) | discard") != "nothing")
  }

  @Test func `mistakes are found without opening anything`() {
    #expect(
      diagnostic("loopback | pcap(f.pcap, filter: \"udp prot 7\") | discard").contains("the filter does not compile"))
    #expect(diagnostic("pcap(f.pcap, read, snaplen: 7) | discard").contains("leave it out with read"))
    #expect(diagnostic("pcap(f.pcap, read, precision: micro) | discard").contains("leave it out with read"))
    #expect(diagnostic("loopback | pcap(f.pcap, precision: pico) | discard").contains("write micro or nano"))
    #expect(diagnostic("loopback | pcap(f.pcap, snaplen: 262145) | discard").contains("0 to 262144"))
    #expect(diagnostic("loopback | pcap(f.pcap, count: 0) | discard") != "nothing")
    #expect(diagnostic("loopback | pcap | discard").contains("path"))
  }

  @Test func `its examples that need no other module are right`() {
    for example in PcapTap.kind.examples where !example.contains("tap(tap") {
      #expect(diagnostic(example) == "nothing", "\(example)")
    }
  }

  @Test func `a capture goes through a pipeline into another`() throws {
    let folder = try Folder()
    let log = Log()
    var random = SeededGenerator(seed: 6)
    let frames = mixedFrames(2000, &random)
    try write(captureFile(frames), to: folder("in.pcap"))
    let report = try Pipeline {
      PcapFile(folder("in.pcap"))
      PcapTap(folder("out.pcap"))
      Discard()
    }.runUntilSignal(logger: log.logger)
    #expect(try Capture(path: folder("out.pcap")).frames == frames)
    #expect(report.lostByteCount == 0)
    #expect(report.stages.map(\.report.name) == ["pcap", "pcap", "discard"])
    #expect(!log.lines.contains { $0.hasPrefix("error") })
  }
}
