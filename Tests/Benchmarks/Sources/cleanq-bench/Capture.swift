import ArgumentParser
import CPlatform
import CleanQ
import CleanQNet
import CleanQCapture
import CleanQPipeline
import Glibc

/// A capture tap on frames that circulate in memory: millions of frames a second that go to the file, on one core.
struct Capture: ParsableCommand {
  @Option(help: "The file, on a RAM file system unless the disk is to be measured.")
  var path = "/dev/shm/cleanq-bench-\(getpid()).pcap"
  @Option(help: "Bytes of a frame.")
  var size = 64
  @Option(help: "A filter that all frames pass, as tcpdump takes it.")
  var filter = ""
  @Option(help: "Frames to capture.")
  var frames = 8_000_000

  func run() throws {
    _ = cplatform_pin_current_thread(0)
    // SAFETY: Swift passes the path as a C string that lives during the call.
    defer { _ = unsafe unlink(path) }
    let region = try Region(byteCount: Burst.capacity * Ring.bufferByteCount)
    let options = CaptureOptions(path, filter: filter)
    let tapped = try PcapPort(LoopbackPort<Frame>(), options, waits: true)
    var junction = Junction(tapped, EchoPort<Frame>())
    try junction.left.register(region)
    try junction.right.register(region)
    var burst = Burst()
    for _ in 0..<Burst.capacity {
      guard var buffer = region.buffer(byteCount: Ring.bufferByteCount), buffer.setValid(offset: 50, byteCount: size)
      else {
        throw ValidationError("--size is at most \(Ring.bufferByteCount - 50)")
      }
      burst.append(buffer)
    }
    _ = junction.left.lower.transmit(&burst)
    let turns = frames / (2 * Burst.capacity)
    let start = cplatform_monotonic_nanoseconds()
    // Each frame is captured on its way up and on its way down. Writing has its share of the time: the frames wait for it.
    var turnCount = 0
    while turnCount < turns { if junction.turn() > 0 { turnCount += 1 } else { sched_yield() } }
    junction.left.quiesce()
    // Returns when the file has it all.
    let reports = junction.left.report().stages
    let seconds = Double(cplatform_monotonic_nanoseconds() - start) / 1e9
    let captured = reports[1].counters.first { $0.name == "captured" }?.value ?? 0
    guard captured == UInt64(turns * 2 * Burst.capacity) else { fatalError("\(captured) frames were captured") }
    let name = filter.isEmpty ? "capture/size=\(size)" : "capture/size=\(size)/filter"
    Figure(name: name, unit: "Mframes/s", value: Double(captured) / seconds / 1e6).print()
  }
}
