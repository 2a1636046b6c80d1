internal import CleanQPipeline
internal import CleanQTAP

/// What the stage `tap` says in the log of the events of its device. Sendable.
struct TAPLog: Sendable {
  private let name: String
  /// What becomes of a device that was made.
  private let end: String
  private let log: EventLog

  init(_ configuration: TAPConfiguration, _ log: EventLog) {
    name = configuration.name
    end = configuration.persistent ? "stays" : "goes"
    self.log = log
  }

  func write(_ event: TAPEvent) {
    switch event {
    case .opened(let isNew): log.write(isNew ? "made \(name), which \(end) at the end" : "attached to \(name)")
    case .withoutUring(let reason): log.write("no io_uring (\(reason)); going on with one system call per frame")
    case .withoutSegmentation:
      log.write("each datagram is passed to the kernel separately; GSO for TAP devices needs Linux 6.2")
    case .linkChanged(isUp: true): log.write(.notice, limitedAs: "link", "\(name) is up again")
    case .linkChanged(isUp: false):
      log.write(
        .warning, limitedAs: "link", "\(name) is down: no frame passes; bring it up with \"ip link set \(name) up\"")
    case .mtuChanged(let old, let new, let room): mtuChanged(from: old, to: new, room: room)
    case .kernelDropped(let count):
      log.write(
        .warning, limitedAs: "kernel-drops",
        "the kernel dropped \(count) frames because the queue of \(name) was full; increase it with "
          + "\"ip link set \(name) txqueuelen 10000\", or give the pipeline another CPU")
    case .oversize(let count, let mtu, let longest):
      log.write(
        .warning, limitedAs: "oversize",
        "dropped \(count) frames longer than the MTU of \(mtu) allows (oversize); "
          + "\"ip link set \(name) mtu \(longest)\" admits them; or lower the MTU of the other side")
    case .truncated(let count):
      log.write(
        .warning, limitedAs: "truncated",
        "dropped \(count) frames too long for a buffer, or too short for a frame (truncated); "
          + "lower the MTU of \(name), or restart with the current one")
    case .refused(let count):
      log.write(
        .warning, limitedAs: "refused",
        "the kernel refused \(count) frames (no-memory, invalid or io-error in the summary)")
    case .removed(let reason): log.write("\(reason); no more frames are received from it", .warning)
    }
  }

  private func mtuChanged(from old: Int, to new: Int, room: Int?) {
    let change = "the MTU of \(name) was \(old) and is \(new)"
    guard let room, room < new else {
      log.write(.notice, limitedAs: "mtu", "\(change), adopted")
      return
    }
    log.write(
      .warning, limitedAs: "mtu",
      "\(change), but buffers hold packets of \(room) bytes: longer ones are dropped (truncated); set it to at most "
        + "\(room), or restart")
  }
}
