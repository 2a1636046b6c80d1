import CleanQ
import CleanQCapture
import FuzzSupport

/// A file as the source of a pipeline: it can end early, with one event, and loses no buffer.
struct SourceChecks {
  var filter: String
  var bufferByteCount: Int
  var bufferCount: Int
  var count: UInt64?

  func check(_ records: Records) {
    let events = EventCount()
    do {
      let source = try PcapSource(MemoryFile.path, filter: filter, count: count) { _ in events.add() }
      require(records.frames != nil, "a source takes the files that can be read")
      run(source, records, events)
    } catch {
      require(records.frames == nil, "a source takes every file that can be read: \(error)")
    }
  }

  private func run(_ opened: consuming PcapSource, _ records: Records, _ events: EventCount) {
    guard let region = try? Region(byteCount: 1 << 17, pages: .ordinary) else { violated("there is memory") }
    var source = opened
    require(
      (2048...65_600).contains(source.capabilities.wantedBufferByteCount), "a source wants buffers of a sensible size")
    do { try source.register(region) } catch { violated("a region can be registered: \(error)") }
    var burst = Burst()
    for _ in 0..<bufferCount { if let buffer = region.buffer(byteCount: bufferByteCount) { burst.append(buffer) } }
    source.fill(&burst)
    require(burst.isEmpty, "a source takes freeBuffers")
    var frames: [[UInt8]] = []
    var turns = 0
    while !source.isExhausted {
      turns += 1
      require(turns <= 4 + (records.frames ?? []).count, "a source comes to its end")
      source.receive(into: &burst)
      for index in 0..<burst.count { frames.append(Self.bytes(of: burst[index])) }
      checkAccounts(source, burst, region)
      // Half of the frames go back as if the pipeline had sent them.
      if turns % 2 == 0 { source.transmit(&burst) } else { source.fill(&burst) }
      source.complete(into: &burst)
      source.fill(&burst)
    }
    balance(source, frames, records, events)
  }

  private func checkAccounts(_ source: borrowing PcapSource, _ burst: borrowing Burst, _ region: borrowing Region) {
    var accounts = source.accounts()
    accounts.addInFlight(burst)
    require(accounts.registeredByteCount == region.byteCount, "the region is registered")
    require(accounts.inFlightByteCount == region.liveByteCount, "every byte is where the accounts say")
    require(accounts.inFlightBufferCount == region.liveBufferCount, "every buffer is where the accounts say")
  }

  private func balance(
    _ source: borrowing PcapSource, _ frames: [[UInt8]], _ records: Records, _ events: EventCount
  ) {
    let reports = source.report().stages
    let report = reports[0]
    func value(_ name: String) -> Int {
      Int((report.drops + report.counters).first { $0.name == name }?.value ?? 0)
    }
    // The first frame that fits no buffer is a line too.
    let lineCount = value("unreadable") + min(1, value("oversize"))
    require(events.count == lineCount, "each failure is one event")
    require(Int(report.received.packets) == frames.count, "each frame is counted")
    let all = records.frames ?? []
    // A limit ends it before the others are looked at.
    if let count, frames.count == Int(count) {
      return require(
        !records.isEthernet || frames == Array(passing(all).prefix(frames.count)), "the first frames come first")
    }
    require(value("unreadable") == (records.hasFailed ? 1 : 0), "a failure is counted")
    let fates = frames.count + value("oversize") + value("empty") + value("filtered") + value("no-frame")
    require(fates == all.count, "each record has one fate: \(fates) of \(all.count)")
    if filter.isEmpty, records.isEthernet { require(frames == passing(all), "the frames are those that fit") }
  }

  /// The records that a source without a filter gives.
  private func passing(_ records: [[UInt8]]) -> [[UInt8]] {
    records.filter { !$0.isEmpty && $0.count <= bufferByteCount - Buffer.standardHeadroom }
  }

  private static func bytes(of buffer: borrowing Buffer) -> [UInt8] {
    (0..<buffer.validByteCount).map { buffer.bytes[$0] }
  }
}
