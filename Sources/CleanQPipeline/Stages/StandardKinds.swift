extension Count {
  /// `count` in pipeline texts.
  public static var kind: StageKind {
    StageKind(
      name: "count", summary: "counts packets and bytes in both directions; changes nothing", shapes: [.passThrough],
      examples: ["pcap(in.pcap, read) | count | discard"]
    ) { _ throws(ArgumentError) in Count() }
  }
}

extension Discard {
  /// `discard` in pipeline texts.
  public static var kind: StageKind {
    StageKind(
      name: "discard", summary: "accepts every packet and sends none", shapes: [.sink],
      examples: ["tap(tap0) | pcap(f.pcap) | discard"]
    ) { _ throws(ArgumentError) in Discard() }
  }
}

extension Loopback {
  /// `loopback` in pipeline texts.
  public static var kind: StageKind {
    StageKind(
      name: "loopback", summary: "receives what it transmits, in the same order", shapes: [.loop],
      examples: ["tap(tap0) | count | loopback", "loopback | count | discard"]
    ) { _ throws(ArgumentError) in Loopback() }
  }
}
