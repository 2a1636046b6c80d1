import ArgumentParser
import CPlatform
import CleanQ
import Synchronization

/// Buffers that go round between the two ends of a queue: time-stamp cycles per pass, which is one enqueue and one dequeue.
///
/// On one core one thread moves buffers from one end to the other and back: those of one burst, so that each is sent as soon as
/// it has come, or of more that stand in the queue, so that each is taken long after it was sent. On two cores each end has a
/// thread: one sends, the other sends back, so that every buffer passes twice per lap. The functions are generic so that every
/// queue is measured by the same code; each call is compiled for its queue's type.
struct Circulation: ParsableArguments {
  @Option(help: "1 or 2.")
  var cores = 1
  @Option(help: "Buffers that move at once.")
  var burst = 1
  @Option(help: "Buffers that go round on one core: all but one burst stand in the queue.")
  var buffers: Int?
  @Option(help: "Passes through the queue.")
  var passes = 40_000_000
  @Option(help: "The CPUs of the two ends.")
  var cpus = CPUs()

  func validate() throws {
    guard [1, 2].contains(cores), (1...Burst.capacity).contains(burst), passes >= 40 * Burst.capacity else {
      throw ValidationError(
        "--cores 1 or 2, --burst 1 to \(Burst.capacity), --passes \(40 * Burst.capacity) or more")
    }
    if let buffers, cores != 1 || !(burst...Ring.slotCount).contains(buffers) {
      throw ValidationError("--buffers \(burst) to \(Ring.slotCount), on one core")
    }
  }

  func measure<Q: Queue & ~Copyable & Sendable>(
    _ name: String, _ first: consuming Q, _ second: consuming Q
  ) throws -> Figure {
    let region = try Region(byteCount: Ring.slotCount * Ring.bufferByteCount)
    var first = first
    try first.register(region)
    _ = cplatform_pin_current_thread(cpus.first)
    let cycles =
      cores == 1 ? onOneCore(&first, second, region) : onTwoCores(&first, second, region)
    let pool = buffers.map { "/buffers=\($0)" } ?? ""
    return Figure(name: "\(name)/cores=\(cores)/burst=\(burst)\(pool)", unit: "cycles/buffer", value: cycles)
  }

  private func onOneCore<Q: Queue & ~Copyable>(
    _ first: inout Q, _ second: consuming Q, _ region: borrowing Region
  ) -> Double {
    var second = second
    var buffers = carve(burst, from: region)
    // As many stand in either direction. All come from the first end: the second one owns what it was handed, no more.
    for index in 0..<(self.buffers ?? burst) - burst {
      guard let buffer = region.buffer(byteCount: Ring.bufferByteCount) else { fatalError("the region is too small") }
      if first.enqueue(buffer) != nil { fatalError("refused") }
      if index % 2 == 0 { continue }
      guard let handed = second.dequeue() else { fatalError("lost") }
      if second.enqueue(handed) != nil { fatalError("refused") }
    }
    let laps = passes / burst / 2
    _ = lap(&first, &second, &buffers, laps / 10)
    return Double(lap(&first, &second, &buffers, laps)) / Double(laps * burst * 2)
  }

  /// All buffers there and back again, so many times.
  private func lap<Q: Queue & ~Copyable>(
    _ first: inout Q, _ second: inout Q, _ buffers: inout Burst, _ laps: Int
  ) -> UInt64 {
    guard burst == 1, var buffer = buffers.popFirst() else {
      let start = cplatform_timestamp()
      for _ in 0..<laps {
        if first.enqueue(&buffers) != nil { fatalError("refused") }
        second.dequeue(into: &buffers)
        if second.enqueue(&buffers) != nil { fatalError("refused") }
        first.dequeue(into: &buffers)
      }
      return cplatform_timestamp() - start
    }
    let start = cplatform_timestamp()
    for _ in 0..<laps {
      if first.enqueue(buffer) != nil { fatalError("refused") }
      guard let there = second.dequeue() else { fatalError("lost") }
      if second.enqueue(there) != nil { fatalError("refused") }
      guard let back = first.dequeue() else { fatalError("lost") }
      buffer = back
    }
    let cycles = cplatform_timestamp() - start
    buffers.append(buffer)
    return cycles
  }

  private func onTwoCores<Q: Queue & ~Copyable & Sendable>(
    _ first: inout Q, _ second: consuming Q, _ region: borrowing Region
  ) -> Double {
    let reflector = reflector(second)
    reflector.start()
    // Three quarters of the slots: both directions always have some to take and room to give.
    for _ in 0..<(Ring.slotCount / 4 * 3 / Burst.capacity) {
      var some = carve(Burst.capacity, from: region)
      while !some.isEmpty { _ = first.enqueue(&some) }
    }
    _ = sendAgain(&first, passes / 20)
    let cycles = sendAgain(&first, passes / 2)
    reflector.stop()
    return Double(cycles) / Double(passes)
  }

  /// Takes what comes back and sends it again until `count` buffers came back.
  private func sendAgain<Q: Queue & ~Copyable>(_ queue: inout Q, _ count: Int) -> UInt64 {
    var returned = 0
    // An option is asked by a call, which would be part of each turn.
    let burst = burst
    let start = cplatform_timestamp()
    if burst == 1 {
      while returned < count {
        guard let buffer = queue.dequeue() else { continue }
        if queue.enqueue(buffer) != nil { fatalError("refused") }
        returned += 1
      }
    } else {
      var arrived = Burst()
      var leaving = Burst()
      while returned < count {
        queue.dequeue(into: &arrived)
        returned += arrived.count
        pass(&arrived, through: &leaving, to: &queue, burst)
      }
    }
    return cplatform_timestamp() - start
  }

  /// A thread that sends back whatever comes through its end.
  func reflector<Q: Queue & ~Copyable & Sendable>(_ queue: consuming Q) -> Companion {
    let parcel = Parcel(queue)
    let burst = burst
    return Companion(on: cpus.second) { companion in
      var queue = parcel.take()
      if burst == 1 { reflectSingly(&queue, companion) } else { reflectBursts(&queue, burst, companion) }
    }
  }
}

private func reflectSingly<Q: Queue & ~Copyable>(_ queue: inout Q, _ companion: Companion) {
  while !companion.isStopped.load(ordering: .relaxed) {
    guard let buffer = queue.dequeue() else { continue }
    if queue.enqueue(buffer) != nil { fatalError("refused") }
  }
}

private func reflectBursts<Q: Queue & ~Copyable>(_ queue: inout Q, _ burst: Int, _ companion: Companion) {
  var arrived = Burst()
  var leaving = Burst()
  while !companion.isStopped.load(ordering: .relaxed) {
    queue.dequeue(into: &arrived)
    pass(&arrived, through: &leaving, to: &queue, burst)
  }
}

/// Enqueues what arrived in bursts of `burst`. A dequeue takes whatever is there, up to 32, so shorter bursts are filled
/// buffer by buffer, which the figure contains.
private func pass<Q: Queue & ~Copyable>(
  _ arrived: inout Burst, through leaving: inout Burst, to queue: inout Q, _ burst: Int
) {
  guard burst < Burst.capacity else {
    while !arrived.isEmpty { if queue.enqueue(&arrived) == .closed { return arrived.releaseAll() } }
    return
  }
  while !arrived.isEmpty {
    while leaving.count < burst, let buffer = arrived.popFirst() { leaving.append(buffer) }
    while !leaving.isEmpty { if queue.enqueue(&leaving) == .closed { return leaving.releaseAll() } }
  }
}

/// So many buffers of the size that all benchmarks use.
func carve(_ count: Int, from region: borrowing Region) -> Burst {
  var burst = Burst()
  for _ in 0..<count {
    guard let buffer = region.buffer(byteCount: Ring.bufferByteCount) else { fatalError("the region is too small") }
    burst.append(buffer)
  }
  return burst
}
