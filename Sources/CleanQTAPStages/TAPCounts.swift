internal import CleanQPipeline

/// What the numbers in the report of the stage `tap` mean.
enum TAPCounts {
  static var descriptions: [CountDescription] {
    [
      .drop("oversize", "frame longer than the device's MTU and Ethernet header; raise the MTU of this device"),
      .drop("truncated", "frame longer than its buffer, shorter than an Ethernet header, or cut short by a capture"),
      .drop("link-down", "frame sent while the device was down; ip link set DEVICE up"),
      .drop("device-gone", "frame sent after the device was removed"),
      .drop("no-memory", "frame for which the kernel had no memory"),
      .drop("invalid", "frame that the kernel refused as malformed"),
      .drop("memory-lost", "frame in shared memory that the back end of another stage removed; see its memory-lost"),
      .drop("io-error", "frame lost to any other error of the device"),
      .gauge("uring", "1 if the device is driven by io_uring, 0 if by read(2) and write(2)"),
      .counter("io-enters", "system calls made to move frames"),
      .counter("empty-reads", "reads that found no frame"),
      .counter(
        "mtu-changes", "changes of the device's MTU at run time; adopted if buffers are long enough"),
      .counter("link-downs", "times that the device was set down at run time; ip link set DEVICE up"),
      .counter(
        "kernel-drops",
        "frames that the kernel dropped before the device; ip link set DEVICE txqueuelen 10000, or more CPU"
      ),
      .counter("joined", "datagrams that were passed to the kernel in a GSO batch (offload)"),
      .counter("unexpected-answers", "completions of io_uring without a request; please report this"),
    ]
  }
}
