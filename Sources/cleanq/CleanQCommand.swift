import ArgumentParser

@main
struct CleanQCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "cleanq",
    abstract: "Network stages chained by queues whose ownership is exact.",
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
    version: "0.1.0",
    subcommands: [
      RunCommand.self, EchoCommand.self, ForwardCommand.self, CaptureCommand.self, CheckCommand.self,
      StagesCommand.self, DevicesCommand.self,
    ])

  static func main() {
    CommandLineAdvice.check(Array(CommandLine.arguments.dropFirst()))
    main(nil)
  }
}
