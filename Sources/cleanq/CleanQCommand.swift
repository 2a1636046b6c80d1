import ArgumentParser
import Glibc

@main
struct CleanQCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "cleanq",
    abstract: "Network stages connected by queues with exact ownership of buffers.",
    discussion: """
      EXAMPLES
        cleanq echo tap0 --address 10.0.0.2/24 --host-address 10.0.0.1/24
        cleanq echo tap0 --address 10.0.0.2/24 --write echo.pcap
        cleanq forward tap0 tap1 --write both.pcap
        cleanq capture -i tap0 -w icmp.pcap -c 100 icmp
        cleanq run 'tap(tap0, address: 10.0.0.1/24) | ip(10.0.0.2/24) | udp(7) | echo'
        cleanq check 'tap(tap0) | ip(10.0.0.2/24) | udp(7) | echo'
        cleanq stages tap
        cleanq devices
      """,
    version: packageVersion,
    subcommands: [
      RunCommand.self, EchoCommand.self, ForwardCommand.self, CaptureCommand.self, CheckCommand.self,
      StagesCommand.self, DevicesCommand.self,
    ])

  /// What ArgumentParser's own does, with every text, help and version too, going to where it cannot be lost unseen.
  static func main() {
    StandardFiles.prepare()
    guard !CommandLine.arguments.isEmpty else {
      printError("error: cannot read /proc/self/cmdline, which has the arguments; mount /proc first")
      StandardFiles.exit(EXIT_FAILURE)
    }
    do {
      CommandLineAdvice.check(Array(CommandLine.arguments.dropFirst()))
      var command = try parseAsRoot()
      try command.run()
      StandardFiles.exit(EXIT_SUCCESS)
    } catch {
      let text = fullMessage(for: error)
      var status = exitCode(for: error).rawValue
      if !text.isEmpty, status != EXIT_SUCCESS { printError(text) }
      if !text.isEmpty, status == EXIT_SUCCESS {
        do { try printOutput(text) } catch { status = EXIT_FAILURE }
      }
      StandardFiles.exit(status)
    }
  }
}
