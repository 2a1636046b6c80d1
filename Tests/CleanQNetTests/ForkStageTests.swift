import CleanQ
import CleanQNet
import CleanQNetStages
import CleanQPipeline
import Logging
import Testing

@Suite("Forks above ip and udp", .timeLimit(.minutes(1))) struct ForkStageTests {
  private static let quiet = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
  private static let catalog = StageCatalog([
    Loopback.kind, IP.kind, UDP.kind, EtherTypes.kind, UDPPorts.kind, Echo.kind, Discard.kind, Count.kind,
  ])

  private func paths(_ text: String) throws -> [String] {
    try PipelineText.check(text, catalog: Self.catalog, cpuCount: 1).allStages.map(\.path)
  }

  private func mistake(_ text: String) -> String {
    do throws(Diagnostic) {
      return "no mistake: \(try PipelineText.check(text, catalog: Self.catalog, cpuCount: 1))"
    } catch { return error.headline(source: text) }
  }

  @Test("udp opens the ports of its block, and is called by those that it was given itself")
  func ports() throws {
    let text = "loopback | ip(10.0.0.2/24) { udp { port(7) | echo; port(9, 10) | discard }; udp(11) | discard }"
    let pipeline = try PipelineText.check(text, catalog: Self.catalog, cpuCount: 1)
    #expect(
      pipeline.allStages.map(\.path) == [
        "loopback", "ip", "ip/udp", "ip/udp/port:7", "ip/udp/port:7/echo", "ip/udp/port:9,10",
        "ip/udp/port:9,10/discard", "ip/udp:11", "ip/udp:11/discard",
      ])
    #expect((pipeline.allStages[2].description as? UDP)?.ports == [7, 9, 10])
    #expect(pipeline.description == text)
  }

  @Test("every example of the stages is a pipeline")
  func examples() throws {
    for kind in [EtherTypes.kind, UDPPorts.kind] {
      for example in kind.examples { _ = try paths(example.replacing("tap(tap0)", with: "loopback")) }
    }
  }

  @Test("mistakes")
  func mistakes() {
    #expect(
      mistake("loopback | ip(10.0.0.2/24) | udp | echo")
        == "pipeline:1:30: \"udp\" needs a port; write udp(PORT, …), or a block of port(PORT, …) after it")
    #expect(
      mistake("loopback { ip(10.0.0.2/24) | udp(7) | echo; ethertype(0x0806) | discard }").contains(
        "EtherType 0x0806 is claimed twice, here and by \"ip(10.0.0.2/24)\"; take one out"))
    #expect(
      mistake("loopback | ip(10.0.0.2/24) { udp { port(7) | echo }; udp(7) | discard }").contains(
        "UDP port 7 is claimed twice"))
    #expect(mistake("loopback { ethertype(88cc) | discard }").contains("write 0x0600 to 0xffff"))
    #expect(mistake("loopback { ethertype(0x05ff) | discard }").contains("write 0x0600 to 0xffff"))
    #expect(mistake("loopback | ip(10.0.0.2/24) { count | discard }").contains("begin it with udp(PORT, …)"))
  }

  @Test("ports open and close while the pipeline runs, and belong to one branch")
  func livePorts() throws {
    let (ports, block) = (LivePorts(7), LivePorts())
    let running = try Pipeline {
      Loopback()
      IP("10.0.0.2/24") {
        UDP(ports) { Echo() }
        UDP(port: 9) { Discard() }
        UDP {
          UDPPorts(block) { Discard() }
          UDPPorts(10) { Discard() }
        }
      }
    }.start(logger: Self.quiet)
    for port: UInt16 in [9, 10] { #expect(throws: ClaimError.self) { try ports.open(port) } }
    try ports.open(5353)
    try ports.open(5353)
    #expect(ports.open == [7, 5353])
    // Of the datagram fork the port would be free, of that below it is not; nothing is left of it.
    #expect(throws: ClaimError.self) { try block.open(5353) }
    ports.close(5353)
    ports.close(8)
    try block.open(5353)
    #expect(throws: ClaimError.self) { try ports.open(5353) }
    #expect(ports.open == [7] && block.open == [5353])
    running.stop()
    #expect(running.finish().lostByteCount == 0)
    try ports.open(8)
  }

  @Test("ports that were opened and closed after the pipeline was made, and before it started")
  func livePortsBeforeStart() throws {
    let ports = LivePorts(7, 8)
    let pipeline = Pipeline {
      Loopback()
      IP("10.0.0.2/24") {
        UDP(ports) { Echo() }
        UDP(port: 9) { Discard() }
      }
    }
    try ports.open(9)
    let failure = #expect(throws: StageError.self) { try pipeline.start(logger: Self.quiet) }
    #expect("\(failure.map { "\($0)" } ?? "")".contains("UDP port 9 is claimed by"))
    ports.close(9)
    ports.close(8)
    try ports.open(10)
    // A pipeline that has ended keeps nothing: the second one finds its ports free.
    for _ in 0..<2 {
      let running = try pipeline.start(logger: Self.quiet)
      #expect(throws: ClaimError.self) { try ports.open(9) }
      try ports.open(8)
      ports.close(8)
      running.stop()
      #expect(running.finish().lostByteCount == 0)
    }
    #expect(ports.open == [7, 10])
  }

  @Test("a program with several users of one host")
  func program() throws {
    let running = try Pipeline {
      Loopback()
      Count()
      IP("10.0.0.2/24") {
        UDP(port: 7) { Echo() }
        UDP() {
          UDPPorts(9) {
            Count()
            Discard()
          }
          UDPPorts(10) { Discard() }
        }
      }
    }.start(logger: Self.quiet)
    running.stop()
    let report = running.finish()
    #expect(
      report.stages.map(\.report.name) == [
        "loopback", "count", "ip", "udp", "echo", "udp", "port", "count", "discard", "port", "discard",
      ])
    #expect(report.lostByteCount == 0 && report.isExact)
  }
}
