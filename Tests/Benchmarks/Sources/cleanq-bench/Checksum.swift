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
    let data = (0..<bytes).map { UInt8(truncatingIfNeeded: $0 &* 37) }
    _ = lap(data, passes / 10)
    let cycles = lap(data, passes)
    let value = Double(bytes * passes) / Double(cycles)
    Figure(name: "checksum/bytes=\(bytes)", unit: "bytes/cycle", value: value).print()
  }

  /// What is summed depends on the pass, for all that the compiler knows, so that none can be left out.
  private func lap(_ data: [UInt8], _ passes: Int) -> UInt64 {
    let span = data.span
    var checksum = InternetChecksum()
    let start = cplatform_timestamp()
    for pass in 0..<passes {
      let nothing = Int(cplatform_opaque(UInt64(truncatingIfNeeded: pass)) >> 63)
      checksum.add(span.extracting(droppingFirst: nothing))
    }
    let cycles = cplatform_timestamp() - start
    guard checksum != InternetChecksum() else { fatalError("nothing was summed") }
    return cycles
  }
}
