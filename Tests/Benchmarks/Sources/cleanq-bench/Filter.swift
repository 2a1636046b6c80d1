import ArgumentParser
import CPlatform
import CleanQCapture

/// A capture filter on one frame in the first-level cache: a UDP datagram to port 7 in 64 bytes.
struct Filter: ParsableCommand {
  @Argument(help: "The filter, as tcpdump takes it; the frame passes it.")
  var expression = "udp port 7"
  @Option var passes = 5_000_000

  /// 02:00:0a:00:00:01 to :02, 10.0.0.1:4000 to 10.0.0.2:7, 22 bytes of payload. Filters look at no checksum.
  static let frame: [UInt8] =
    [2, 0, 10, 0, 0, 2, 2, 0, 10, 0, 0, 1, 8, 0]
    + [0x45, 0, 0, 50, 0, 0, 0x40, 0, 64, 17, 0, 0, 10, 0, 0, 1, 10, 0, 0, 2]
    + [0x0F, 0xA0, 0, 7, 0, 30, 0, 0] + [UInt8](repeating: 0x5A, count: 22)

  func run() throws {
    _ = cplatform_pin_current_thread(0)
    let filter = try PcapFilter(expression, linkType: .ethernet)
    _ = lap(filter, passes / 10)
    let cycles = lap(filter, passes)
    Figure(name: "filter", unit: "cycles/frame", value: Double(cycles) / Double(passes)).print()
  }

  private func lap(_ filter: borrowing PcapFilter, _ passes: Int) -> UInt64 {
    let frame = Self.frame.span
    let start = cplatform_timestamp()
    for _ in 0..<passes { if !filter.matches(frame) { fatalError("the frame does not pass \"\(expression)\"") } }
    return cplatform_timestamp() - start
  }
}
