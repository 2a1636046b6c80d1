// Answers ARP, ping and UDP echo on a TAP device:
//
//     EchoDaemon tap0 10.0.0.2/24 7
//
// The stages are checked by the compiler and fused into one loop. It runs until Ctrl-C.

import CleanQNetStages
import CleanQPipeline
import CleanQTAPStages
import Glibc

@main
struct EchoDaemon {
  static func main() {
    do { try run(CommandLine.arguments) } catch {
      print("error: \(error)")
      exit(1)
    }
  }

  private static func run(_ arguments: [String]) throws {
    guard arguments.count == 4, let port = UInt16(arguments[3]) else {
      print("usage: EchoDaemon DEVICE ADDRESS/PREFIX PORT")
      exit(64)
    }
    let echo = Pipeline {
      TAP(arguments[1])
      IP(arguments[2])
      UDP(port: port)
      Echo()
    }
    let report = try echo.runUntilSignal(on: [.cpu(0)])
    for stage in report.stages { print(stage.text, stage.report.received.packets, stage.report.transmitted.packets) }
  }
}
