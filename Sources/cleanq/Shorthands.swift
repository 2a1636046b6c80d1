import ArgumentParser
import CleanQCapture
import CleanQPipeline

struct EchoCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "echo",
    abstract: "Answer ARP, ping and UDP echo on a TAP device.",
    discussion: """
      EXAMPLES
        cleanq echo tap0 --address 10.0.0.2/24 --host-address 10.0.0.1/24
        cleanq echo tap0 --address 10.0.0.2/24 --port 7 --write echo.pcap
        cleanq echo tap0 --address 10.0.0.2/24 --gateway 10.0.0.1
      """)

  @Argument(help: "The TAP device; created if it does not exist.")
  var device: String

  @Option(help: "The stack's own address and prefix, as 10.0.0.2/24.")
  var address: String

  @Option(
    help: ArgumentHelp(
      "An address for the kernel's side of the device, as 10.0.0.1/24, so that this machine can reach the stack.",
      valueName: "address/prefix"))
  var hostAddress: String?

  @Option(help: "The router to senders outside the prefix; without one they are not answered.")
  var gateway: String?

  @Option(
    parsing: .unconditional, help: "The UDP port that is echoed.",
    transform: { try WholeNumber.read($0, 1...65_535, "a port") })
  var port: Int = 7

  @Option(help: "Write every frame to this capture file; - is standard output.")
  var write: String?

  @OptionGroup var output: OutputOptions

  func run() throws {
    let address = hostAddress.map { ", address: \(quoted($0))" } ?? ""
    var stages = ["tap(\(quoted(device))\(address))"]
    if let write { stages.append("pcap(\(quoted(write)))") }
    let router = gateway.map { ", gateway: \(quoted($0))" } ?? ""
    stages += ["ip(\(quoted(self.address))\(router))", "udp(\(port))", "echo"]
    try PipelineRunner(output, announces: true).run(stages.joined(separator: " | "), name: "echo")
  }
}

struct ForwardCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "forward",
    abstract: "Pass every frame between two TAP devices, both ways.",
    discussion: """
      EXAMPLES
        cleanq forward tap0 tap1
        cleanq forward tap0 tap1 --write both.pcap
      """)

  @Argument(help: "One TAP device; created if it does not exist.")
  var first: String

  @Argument(help: "The other.")
  var second: String

  @Option(help: "Write every frame to this capture file; - is standard output.")
  var write: String?

  @OptionGroup var output: OutputOptions

  func run() throws {
    var stages = ["tap(\(quoted(first)))"]
    if let write { stages.append("pcap(\(quoted(write)))") }
    stages.append("tap(\(quoted(second)))")
    try PipelineRunner(output, announces: true).run(stages.joined(separator: " | "), name: "forward")
  }
}

struct CaptureCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "capture",
    abstract: "Write the frames that the kernel sends to a TAP device to a capture file; flags as tcpdump's.",
    discussion: """
      EXAMPLES
        ip tuntap add tap0 mode tap
        cleanq capture -i tap0 -w all.pcap
        cleanq capture -i tap0 -w icmp.pcap -c 100 -s 96 icmp
        cleanq capture -i tap0 -w - udp port 53 | tcpdump -r -
      """)

  @Option(name: .customShort("i", allowingJoined: true), help: "The TAP device, which must exist.")
  var interface: String

  @Option(name: .customShort("w", allowingJoined: true), help: "The capture file; - is standard output.")
  var file: String

  @Option(
    name: .customShort("c", allowingJoined: true), parsing: .unconditional, help: "Stop after this number of frames.",
    transform: { try WholeNumber.read($0, 1...Int.max, "a number of frames") })
  var count: Int?

  @Option(
    name: .customShort("s", allowingJoined: true), parsing: .unconditional,
    help: "Write at most this number of bytes of each frame; 0 for all.",
    transform: { try WholeNumber.read($0, 0...PcapWriter.maximumSnaplen, "a number of bytes") })
  var snaplen: Int?

  @OptionGroup var output: OutputOptions

  @Argument(help: "A filter in the language of pcap-filter(7).")
  var filter: [String] = []

  func run() throws {
    if interface == "any" {
      throw ValidationError(
        "capture from all devices (-i any) is not supported: only TAP devices are supported, one at a time, as in -i tap0"
      )
    }
    var arguments = [quoted(file)]
    if !filter.isEmpty { arguments.append("filter: " + quoted(filter.joined(separator: " "))) }
    if let snaplen { arguments.append("snaplen: \(snaplen)") }
    if let count { arguments.append("count: \(count)") }
    arguments.append("stop")
    let text = "tap(\(quoted(interface)), create: no) | pcap(\(arguments.joined(separator: ", "))) | discard"
    try PipelineRunner(output, announces: true).run(text, name: "capture")
  }
}

/// A value as a quoted string of the pipeline language.
private func quoted(_ value: String) -> String {
  var result = "\""
  for character in value {
    switch character {
    case "\"", "\\": result += "\\\(character)"
    case "\n": result += "\\n"
    default: result.append(character)
    }
  }
  return result + "\""
}
