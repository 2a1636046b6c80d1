import ArgumentParser
import CPlatform
import CleanQ
import Histogram

/// The time from the enqueue of one buffer to its return from the other core, where a thread sends it back.
struct RoundTrip: ParsableCommand {
  static let configuration = CommandConfiguration(commandName: "round-trip")

  @Option(help: "Round trips, after a tenth as many for warming up.")
  var trips = 2_000_000
  @Option var cpus = CPUs()
  @Flag(help: "With a checked queue at either end.")
  var checked = false

  func run() throws {
    let pair = try RingQueue.pair(slotCount: Ring.slotCount)
    guard checked else { return try measure("ring", pair.first, pair.second) }
    let first = CheckedQueue(pair.first) { fatalError("\($0)") }
    try measure("checked", first, CheckedQueue(pair.second) { fatalError("\($0)") })
  }

  private func measure<Q: Queue & ~Copyable & Sendable>(
    _ name: String, _ first: consuming Q, _ second: consuming Q
  ) throws {
    let region = try Region(byteCount: Ring.bufferByteCount)
    var first = first
    var buffers = carve(1, from: region)
    try first.register(region)
    _ = cplatform_pin_current_thread(cpus.first)
    var circulation = Circulation()
    (circulation.burst, circulation.cpus) = (1, cpus)
    let reflector = circulation.reflector(second)
    reflector.start()
    guard let buffer = buffers.popFirst() else { fatalError("the region is too small") }
    var latencies = Latencies()
    run(&first, buffer, &latencies)
    reflector.stop()
    Figure(name: "\(name)/round-trip", unit: "cycles", latencies).print()
  }

  private func run<Q: Queue & ~Copyable>(_ queue: inout Q, _ buffer: consuming Buffer, _ latencies: inout Latencies) {
    var buffer = buffer
    for trip in -(trips / 10)..<trips {
      let start = cplatform_timestamp()
      if queue.enqueue(buffer) != nil { fatalError("refused") }
      var back = queue.dequeue()
      while back == nil { back = queue.dequeue() }
      let cycles = cplatform_timestamp() - start
      guard let arrived = back.take() else { fatalError("lost") }
      buffer = arrived
      if trip >= 0 { latencies.record(cycles) }
    }
    buffer.release()
  }
}

/// A distribution of durations to three significant digits.
struct Latencies {
  private var histogram = Histogram<UInt64>(
    highestTrackableValue: 100_000_000_000, numberOfSignificantValueDigits: .three)

  mutating func record(_ value: UInt64) { histogram.record(value) }

  /// What so many percent of the values do not exceed.
  func percentile(_ percent: Double) -> Double { Double(histogram.valueAtPercentile(percent)) }
}
