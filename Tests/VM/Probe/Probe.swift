// A tool of the VM suite: does to a device what no pipeline does, and says what came of it.
//
//     cleanq-vm-probe cycles ADDRESS COUNT    opens and closes a NIC so often, three times; prints what the process has before,
//                                             between and after
//     cleanq-vm-probe fault ADDRESS           takes the buffers' mapping away under a running driver, and gives it back
//     cleanq-vm-probe echo ADDRESS            a UDP echo that does what lines on its standard input say; see Sabotage.swift
//     cleanq-vm-probe bar ADDRESS INDEX       maps a BAR

import CleanQ
import CleanQVFIO
import CleanQVirtio
import Glibc
import Logging

@main
struct Probe {
  static func main() throws {
    let arguments = CommandLine.arguments
    guard arguments.count >= 3, let address = PCIAddress(arguments[2]) else { return say("usage: see Probe.swift") }
    switch (arguments[1], arguments.count > 3 ? Int(arguments[3]) : nil) {
    case ("cycles", let count?): try cycles(address, count)
    case ("fault", _): try fault(address)
    case ("echo", _): try echo(address)
    case ("bar", let index?): try bar(address, index)
    default: say("usage: see Probe.swift")
    }
  }

  static let logger = Logger(label: "probe")

  static func open(_ address: PCIAddress) throws -> VirtioNetDevice {
    try VirtioNetDevice(try VirtioPCITransport(address, logger: logger))
  }

  static func fill(_ port: inout VirtioNetPort, from region: borrowing Region, count: Int) {
    var burst = Burst()
    for _ in 0..<count {
      guard let buffer = region.buffer(byteCount: 2048) else { break }
      burst.append(buffer)
      port.fill(&burst)
    }
    port.notify()
  }

  // MARK: cycles

  private static func cycles(_ address: PCIAddress, _ count: Int) throws {
    // What is made once for good is made by then.
    for _ in 0..<5 { try cycle(address) }
    say("\(Footprint())")
    for _ in 0..<3 {
      for _ in 0..<count { try cycle(address) }
      say("\(Footprint())")
    }
  }

  private static func cycle(_ address: PCIAddress) throws {
    let region = try Region(byteCount: 64 * 2048)
    var port = try VirtioNetPort(try open(address))
    try port.register(region)
    fill(&port, from: region, count: 64)
  }

  // MARK: bar

  private static func bar(_ address: PCIAddress, _ index: Int) throws {
    do throws(VFIOError) { say("\(try VFIODevice(address).bar(index).byteCount) bytes") } catch { say("\(error)") }
  }

  // MARK: fault

  private static func fault(_ address: PCIAddress) throws {
    let device = try open(address)
    let region = try Region(byteCount: 64 * 2048)
    var port = try VirtioNetPort(device)
    try port.register(region)
    // The address comes from the lowest free place; asked for again it is the same one.
    try device.transport.unmap(region.id)
    let first = try device.transport.map(region)
    try device.transport.unmap(region.id)
    fill(&port, from: region, count: 64)
    say("first=\(first) last=\(first + UInt64(region.mappedByteCount) - 1)")
    say("ready")
    let stopped = turn(&port, milliseconds: 1500)
    say("while unmapped: \(stopped)")
    let again = try device.transport.map(region)
    say("again=\(again)")
    let working = turn(&port, milliseconds: 1500)
    say("mapped again: \(working)")
    say("epoch=\(device.transport.epoch)")
  }

  /// Receives and fills again for a while.
  private static func turn(_ port: inout VirtioNetPort, milliseconds: UInt64) -> Seen {
    var seen = Seen()
    var burst = Burst()
    let end = MonotonicTime.now.advanced(byMilliseconds: milliseconds)
    while MonotonicTime.now < end {
      port.receive(into: &burst)
      for index in 0..<burst.count { seen.count(burst[index].bytes) }
      port.fill(&burst)
      port.notify()
      _ = port.advance(to: .now)
    }
    return seen
  }
}

/// Frames, by whether anything was written into their buffers, which were all zeros.
struct Seen: CustomStringConvertible {
  var written = 0
  var untouched = 0

  mutating func count(_ bytes: Span<UInt8>) {
    let isZero = bytes.indices.allSatisfy { bytes[$0] == 0 }
    if isZero { untouched += 1 } else { written += 1 }
  }

  var description: String { "written=\(written) untouched=\(untouched)" }
}

/// A line that is on standard output when the call returns: whoever reads it acts on it.
func say(_ line: String) {
  var bytes = Array((line + "\n").utf8)
  // SAFETY: the array outlives the call and its count is passed with it.
  _ = unsafe write(STDOUT_FILENO, &bytes, bytes.count)
}
