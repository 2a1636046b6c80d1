import ArgumentParser
import CPlatform
import CleanQWire

/// The Internet checksum of a packet that is in the first-level cache.
struct Checksum: ParsableCommand {
  @Option(help: "Bytes that are summed.")
  var bytes = 1472
  @Option var passes = 4_000_000

  func validate() throws {
    guard bytes > 0, passes > 0 else { throw ValidationError("--bytes and --passes are more than 0") }
  }

  func run() throws {
    _ = cplatform_pin_current_thread(0)
    var data = (0..<bytes).map { UInt8(truncatingIfNeeded: $0 &* 37) }
    _ = lap(&data, passes / 10)
    let cycles = lap(&data, passes)
    let value = Double(bytes * passes) / Double(cycles)
    Figure(name: "checksum/bytes=\(bytes)", unit: "bytes/cycle", value: value).print()
  }

  /// A byte changes before each pass, so that none can be left out.
  private func lap(_ data: inout [UInt8], _ passes: Int) -> UInt64 {
    var checksum = InternetChecksum()
    let start = cplatform_timestamp()
    for pass in 0..<passes {
      data[0] = UInt8(truncatingIfNeeded: pass)
      checksum.add(data.span)
    }
    let cycles = cplatform_timestamp() - start
    guard checksum != InternetChecksum() else { fatalError("nothing was summed") }
    return cycles
  }
}
