internal import CleanQCapture
public import CleanQPipeline

extension PcapTap {
  /// The `pcap` of pipeline texts: a tap, or with `read` a capture file as input.
  public static var kind: StageKind {
    StageKind(
      name: "pcap",
      summary: "captures both directions to a file, or reads a capture file as the pipeline's input",
      shapes: [.passThrough, .end(.frame, right: false)],
      parameters: [
        Parameter("path", .path, required: true, "the capture file; - for standard output, or input with read"),
        Parameter("read", .flag, "read the file, as the left end of the pipeline"),
        Parameter(
          "filter", .custom(placeholder: "FILTER") { PcapFilter.diagnostic(about: $0) }, keyOnly: true,
          "only matching packets, in the syntax of tcpdump: \"udp port 7\""),
        Parameter(
          "snaplen", .integer(0...PcapWriter.maximumSnaplen, placeholder: "BYTES", unit: "bytes"), keyOnly: true,
          "the most bytes to keep of a packet; 0 for all (default)"),
        Parameter(
          "precision", .choice(TimestampPrecision.allCases.map(\.rawValue)), keyOnly: true,
          "of the timestamps (default: micro)"),
        Parameter(
          "count", .integer(1...Int.max, unit: "packets"), keyOnly: true,
          "end the pipeline after this number of captured packets"),
        Parameter("stop", .flag, "end the pipeline if the file can no longer be written"),
      ],
      examples: [
        "tap(tap0) | pcap(echo.pcap, filter: \"udp port 7\") | ip(10.0.0.2/24) | udp(7) | echo",
        "tap(tap0) | pcap(-, snaplen: 96, precision: nano) | tap(tap1)",
        "pcap(in.pcap, read) | tap(tap0)",
      ],
      notes: """
        Between ip and udp, or after udp, packets are written behind headers made from what is known of them. A full disk or a \
        closed pipe stops the capture with one line in the log, and the traffic goes on unless stop is given. Reading takes \
        pcap and pcapng files of Ethernet, and what the pipeline sends towards the file is dropped.
        """,
      counts: PcapCounts.descriptions
    ) { arguments throws(ArgumentError) in
      let path = arguments.text("path") ?? ""
      let filter = arguments.text("filter") ?? ""
      let count = arguments.integer("count").map { UInt64($0) }
      guard arguments.flag("read") else {
        let precision = arguments.text("precision").flatMap(TimestampPrecision.init(rawValue:)) ?? .micro
        return PcapTap(
          path, filter: filter, snaplen: arguments.integer("snaplen") ?? 0, precision: precision, count: count,
          stopsOnFailure: arguments.flag("stop"))
      }
      let onlyForWriting = "it applies to writing only; leave it out with read"
      guard arguments.integer("snaplen") == nil else { throw ArgumentError("snaplen", onlyForWriting) }
      guard arguments.text("precision") == nil else { throw ArgumentError("precision", onlyForWriting) }
      guard !arguments.flag("stop") else { throw ArgumentError("stop", onlyForWriting) }
      return PcapFile(path, filter: filter, count: count)
    }
  }
}
