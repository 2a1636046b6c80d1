import ArgumentParser
import CleanQPipeline

struct RunCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "run",
    abstract: "Run a pipeline until SIGINT, SIGTERM or the end of its source.",
    discussion: """
      EXAMPLES
        cleanq run 'tap(tap0) | pcap(echo.pcap, filter: "udp port 7") | ip(10.0.0.2/24) | udp(7) | echo'
        cleanq run 'tap(tap0)@0 | ip(10.0.0.2/24) | udp(7)@1 | echo'
        cleanq run 'tap(tap0) | pcap(f.pcap) | tap(tap1)'
        cleanq run 'pcap(in.pcap, read) | count | discard'
        cleanq run --json --file pipeline.cleanq

      THE SUMMARY
        Its accounts say where the buffers' memory was at the end: free, in the queues of the stages (empty buffers that
        wait for packets, and packets that wait for the next stage), or at devices (the kernel, a card, a vhost-user peer).

      EXIT STATUS
        0; 64 for wrong usage; 1 for a failure at run time, also where the traffic went on, as when a capture's disk was full.
        A capture whose reader is only too slow is not a failure: what it missed is counted as not-written.
      """)

  @OptionGroup var output: OutputOptions

  @OptionGroup var input: PipelineInput

  func run() throws {
    let (name, text) = try input.read()
    try PipelineRunner(output).run(text, name: name)
  }
}
