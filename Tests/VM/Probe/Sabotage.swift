import CleanQ
import CleanQNet
import CleanQNetStages
import CleanQPipeline
import CleanQVFIO
import CleanQVirtio
import Glibc
import Logging
import Synchronization

extension Probe {
  /// A UDP echo, all of whose stages run as they always do. A line on standard input is about the next frame that is sent:
  ///
  ///     fault     its descriptor points to where nothing is mapped; where, is printed
  ///     head      it is a descriptor that the ring does not have
  ///
  /// At the end of the input the pipeline stops, and what it did is printed.
  static func echo(_ address: PCIAddress) throws {
    var logger = Logger(label: "probe") { StreamLogHandler.standardError(label: $0) }
    logger.logLevel = .notice
    let wish = Wish()
    let running = try Pipeline {
      Sabotaged(address: address, wish: wish)
      IP("10.0.0.2/24")
      UDP(port: 7)
      Echo()
    }.start(logger: logger)
    say("ready")
    while let line = readLine() { wish.set(line == "fault" ? .fault : .head) }
    running.stop()
    let report = running.finish()
    let counts = report.stages[0].report.drops + report.stages[0].report.counters
    say("lost=\(report.lostByteCount) leakedBuffers=\(report.leakedBufferCount) buffers=\(report.bufferCount)")
    say(counts.map { "\($0.name)=\($0.value)" }.joined(separator: " "))
  }
}

/// What is to be done to the next frame. Sendable.
final class Wish: Sendable {
  enum Kind: Int {
    case nothing, fault, head
  }

  private let kind = Atomic<Int>(0)

  func set(_ kind: Kind) { self.kind.store(kind.rawValue, ordering: .relaxed) }

  func take() -> Kind { Kind(rawValue: kind.exchange(0, ordering: .relaxed)) ?? .nothing }
}

/// A NIC of ours, by way of a transport that can write to its rings.
struct Sabotaged: EndStage {
  let address: PCIAddress
  let wish: Wish

  var shape: StageShape { .end(.frame, right: true) }

  func open(in context: PipelineContext) throws(StageError) -> SabotagedPort {
    do throws(VirtioError) {
      let transport = try WatchedTransport(address, logger: context.logger)
      var options = VirtioNetOptions()
      options.declined.insert(.ringPacked)
      let port = try VirtioNetPort(try VirtioNetDevice(transport, options: options))
      return SabotagedPort(lower: port, transport: transport, wish: wish)
    } catch { throw StageError("probe", "\(error)") }
  }
}

/// The NIC's port; does what is wished between giving a frame to the ring and telling the device of it.
struct SabotagedPort: StackedPort, ~Copyable {
  typealias Unit = Frame

  var lower: VirtioNetPort
  let transport: WatchedTransport
  let wish: Wish
  private static let transmitQueue = 1

  init(lower: consuming VirtioNetPort, transport: WatchedTransport, wish: Wish) {
    self.lower = lower
    self.transport = transport
    self.wish = wish
  }

  mutating func transmit(_ filled: inout Burst) -> Refusal? {
    guard !filled.isEmpty else { return nil }
    let refusal = lower.transmit(&filled)
    switch wish.take() {
    case .nothing: break
    case .fault: say("nowhere=\(transport.pointNowhere(Self.transmitQueue))")
    case .head: transport.nameNoDescriptor(Self.transmitQueue)
    }
    return refusal
  }
}
