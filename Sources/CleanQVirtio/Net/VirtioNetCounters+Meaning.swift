internal import CleanQPipeline

extension VirtioNetCounters {
  /// What the numbers in the stage's report mean.
  static var descriptions: [CountDescription] {
    [
      .drop("truncated", "received packet too short for its headers, or packet to be sent that a capture cut short"),
      .drop(
        "bad-buffer-count", "received packet that claims to fill no buffer, or too many; the device is broken or lies"),
      .drop(
        "bad-checksum-place", "received packet whose open checksum lies outside of it; the device is broken or lies"),
      .drop("device-gone", "packet to be sent, or being sent, while the device was away"),
      .drop("too-long", "received packet longer than its buffer, as the device says; the device is broken or lies"),
      .drop("empty", "received buffer with nothing in it"),
      .counter("kicks", "notifications sent to the device"),
      .counter("completed-checksums", "received checksums that the sender had left open, completed here"),
      .counter("device-losses", "times that the device went away: its process ended, or it was reset"),
      .counter("device-returns", "times that it came back"),
      .counter("failed-joins", "times that it was there and could not be used; the log says why"),
      .counter("link-downs", "times that the device said that its link was down; in QEMU, set_link NAME on"),
      .counter("bad-id", "buffers given back under an id that does not exist; the device is broken or lies"),
      .counter("not-in-flight", "buffers given back that the device did not have; the device is broken or lies"),
      .counter("index-jump", "ring positions beyond all that the device has; it was reset"),
    ]
  }

  /// Those of a device that is another process.
  static var peerDescriptions: [CountDescription] {
    [
      .counter(
        "memory-lost", "times that the back end took shared hugepages away; its queues began again, see the log"),
      .counter(
        "broken-connections",
        "connections that ended because of what the back end said, or did not say in time; the log has the reasons"),
      .counter("copied", "packets copied, since the other end of the pipeline is a back end, too (shared: no)"),
      .drop("too-long-to-copy", "packet that fits in no buffer of the other side; make the MTUs the same"),
      .drop("not-sent", "packet that was copied for the back end, and that it had not taken at the end"),
    ]
  }
}
