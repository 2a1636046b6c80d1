internal import CleanQPipeline

/// What the numbers in the report of the stage `pcap` mean.
enum PcapCounts {
  static let descriptions: [CountDescription] = [
    .counter("captured", "packets written to the capture"),
    .counter("filtered", "packets that did not match the filter"),
    .counter(
      "not-written", "packets missing from the capture: its disk or reader is too slow, or failed"),
    .counter("after-end", "packets that came after the capture was complete (count)"),
    .counter("bytes-written", "bytes of the capture file"),
    .drop("oversize", "packet read that is longer than a buffer of the pipeline"),
    .drop("empty", "packet read with no bytes in it"),
    .drop("no-frame", "record read that cannot be converted to an Ethernet frame, netlink for example; nothing to do"),
    .drop("read-only", "packet sent to a capture that is only read"),
    .counter("unreadable", "records that could not be read; the capture is damaged or truncated"),
  ]
}
