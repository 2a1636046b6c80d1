import ArgumentParser
import CPlatform
import CleanQ
import CleanQNet
import CleanQNetStages
import CleanQPipeline

/// What a fork costs: datagrams are generated and echoed through a stack with a fork in it, less through the same stack without,
/// both put together from text. The packets go to one of the branches.
struct Fork: ParsableCommand {
  @Option(help: "How many branches there are, 1 to 4: the generator has 128 buffers to share out.")
  var branches = 2
  @Option(help: "Packets that are echoed.")
  var packets = 4_000_000

  func validate() throws {
    guard (1...4).contains(branches), packets >= 1000 else {
      throw ValidationError("--branches 1 to 4, --packets 1000 or more")
    }
  }

  func run() throws {
    _ = cplatform_pin_current_thread(0)
    let others = (1..<branches).map { "; udp(\(1000 + $0)) | discard" }.joined()
    let forked = try cyclesPerPacket("ip(10.0.0.2/24) { udp(7, share: 96) | echo\(others) }")
    let plain = try cyclesPerPacket("ip(10.0.0.2/24) | udp(7) | echo")
    Figure(name: "fork/branches=\(branches)", unit: "cycles/packet", value: forked - plain).print()
  }

  /// Of so many packets, less those of a few, so that opening and closing do not count.
  private func cyclesPerPacket(_ stages: String) throws -> Double {
    let few = packets / 10
    let difference = Double(try cycles(stages, packets)) - Double(try cycles(stages, few))
    return difference / Double(packets - few)
  }

  private func cycles(_ stages: String, _ packets: Int) throws -> UInt64 {
    let text = "generate(\(packets))@0 | \(stages)"
    let kinds = [Generator.kind, IP.kind, UDP.kind, Echo.kind, Discard.kind]
    let checked: CheckedPipeline
    do throws(Diagnostic) {
      checked = try PipelineText.check(text, catalog: StageCatalog(kinds), cpuCount: 1)
    } catch { throw ValidationError(error.render(source: text, name: "pipeline")) }
    let start = cplatform_timestamp()
    let report = try Pipeline(checked).start(logger: quietLogger()).finish()
    let end = cplatform_timestamp()
    guard report.lostByteCount == 0, let source = report.stages.first?.report,
      source.transmitted.packets >= UInt64(packets)
    else { throw ValidationError("packets were lost: \(report)") }
    return end - start
  }
}
