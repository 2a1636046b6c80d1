// An application that uses the topmost queue itself, without the pipeline: it makes a stack, gives it memory, and answers
// every datagram with its payload in capitals.
//
//     EmbeddedQueue tap0 10.0.0.2/24 7 COUNT
//
// It ends after COUNT datagrams.

import CleanQ
import CleanQNet
import CleanQPipeline
import CleanQTAP
import Glibc
import Logging

@main
struct EmbeddedQueue {
  static func main() {
    do { try run(CommandLine.arguments) } catch {
      print("error: \(error)")
      exit(1)
    }
  }

  private static func run(_ arguments: [String]) throws {
    guard arguments.count == 5, let port = UInt16(arguments[3]), var left = Int(arguments[4]) else {
      print("usage: EmbeddedQueue DEVICE ADDRESS/PREFIX PORT COUNT")
      exit(64)
    }
    // The stack is one concrete type, UDPPort<IPPort<TAPPort>>, and every call below goes straight through it.
    let context = PipelineContext(logger: Logger(label: "embedded"))
    let tap = try TAP(arguments[1]).open(in: context)
    let ip = IPPort(on: tap, try IPConfiguration(address: arguments[2]))
    var stack = UDPPort(on: ip, ports: [port])

    // Memory: one region, registered with the stack down to the device, cut into buffers that will go round.
    let bufferByteCount = stack.wantedBufferByteCount
    let region = try Region(byteCount: 256 * bufferByteCount)
    try stack.register(region)
    var burst = Burst()
    for _ in 0..<256 {
      guard let buffer = region.buffer(byteCount: bufferByteCount) else { break }
      burst.append(buffer)
      stack.fill(&burst)
    }
    print("running")

    var done = Burst()
    while left > 0 {
      stack.receive(into: &burst)
      left -= burst.count
      for index in 0..<burst.count {
        capitalize(&burst[index])
        burst[index].datagramAnnotation = burst[index].datagramAnnotation.reflected
      }
      stack.transmit(&burst)
      stack.complete(into: &done)
      stack.fill(&done)
      stack.notify()
      _ = stack.advance(to: .now)
    }
    // What is still on its way out goes before the device closes.
    let deadline = MonotonicTime.now.advanced(byMilliseconds: 100)
    while MonotonicTime.now < deadline {
      stack.complete(into: &done)
      stack.fill(&done)
      stack.notify()
    }
  }

  private static func capitalize(_ buffer: inout Buffer) {
    var bytes = buffer.mutableBytes
    for index in 0..<bytes.count where bytes[index] >= 97 && bytes[index] <= 122 { bytes[index] -= 32 }
  }
}
