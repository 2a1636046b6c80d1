// Passes every frame between two TAP devices, both ways, and writes what the filter lets through to a capture file:
//
//     CapturingForwarder tap0 tap1 both.pcap "arp or icmp"
//
// Each device has a thread of its own: `Handoff` puts an interlink of rings between the two loops. It runs until Ctrl-C.

import CleanQCaptureStages
import CleanQPipeline
import CleanQTAPStages
import Glibc

@main
struct CapturingForwarder {
  static func main() {
    do { try run(CommandLine.arguments) } catch {
      print("error: \(error)")
      exit(1)
    }
  }

  private static func run(_ arguments: [String]) throws {
    guard arguments.count == 5 else {
      print("usage: CapturingForwarder DEVICE DEVICE FILE FILTER")
      exit(64)
    }
    let forwarder = Pipeline {
      TAP(arguments[1])
      PcapTap(arguments[3], filter: arguments[4])
      Handoff()
      TAP(arguments[2])
    }
    let report = try forwarder.runUntilSignal(on: [.cpu(0), .cpu(1)])
    for stage in report.stages { print(stage.text, stage.report.received.packets, stage.report.transmitted.packets) }
  }
}
