// An application that uses the topmost queue itself, without the pipeline: it makes a stack, gives it memory, and answers
// every datagram with its payload in capitals.
//
//     EmbeddedQueue tap0 10.0.0.2/24 7 COUNT
//
// It ends after COUNT datagrams.

import CleanQ
import CleanQNet
import CleanQTAP
import Glibc

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
    let configuration = try IPConfiguration(address: arguments[2])
    let tap = try TAPPort(TAPConfiguration(arguments[1])) { event in
      if case .removed(let reason) = event { print("the device is gone: \(reason)") }
    }
    let ip = IPPort(on: tap, configuration)
    var stack = UDPPort(on: ip, ports: [port])

    // Memory: one region, registered with the stack down to the device, cut into buffers that will go round.
    let bufferByteCount = stack.capabilities.wantedBufferByteCount
    let region = try Region(byteCount: 256 * bufferByteCount)
    try stack.register(region)
    var burst = Burst()
    for _ in 0..<256 {
      guard let buffer = region.buffer(byteCount: bufferByteCount) else { break }
      burst.append(buffer)
      stack.fill(&burst)
    }
    print("running")

    var answers = Burst()
    var done = Burst()
    let files = stack.capabilities.wakeFileDescriptors
    while left > 0 {
      // What the stack has refused stays in `answers` and goes first; nothing new is taken meanwhile.
      if answers.isEmpty {
        stack.receive(into: &answers)
        left -= answers.count
        for index in 0..<answers.count {
          capitalize(&answers[index])
          answers[index].datagramMetadata = answers[index].datagramMetadata.reflected
        }
      }
      stack.transmit(&answers)
      stack.complete(into: &done)
      stack.fill(&done)
      stack.notify()
      let next = stack.advance(to: .now)
      sleep(on: files, until: next, &stack, hasWork: !answers.isEmpty || !done.isEmpty || left <= 0)
    }
    // What is still on its way out goes before the device closes.
    stack.quiesce()
    let deadline = MonotonicTime.now.advanced(byMilliseconds: 100)
    while MonotonicTime.now < deadline {
      stack.transmit(&answers)
      stack.complete(into: &done)
      stack.fill(&done)
      stack.notify()
      sleep(on: files, until: deadline, &stack, hasWork: !answers.isEmpty)
    }
  }

  /// Sleeps until the device has something, or until `time`; not at all where there is work, but for a moment where that is
  /// work that waits for room.
  private static func sleep<Stack: Port & ~Copyable>(
    on files: [Int32], until time: MonotonicTime, _ stack: inout Stack, hasWork: Bool
  ) {
    defer { stack.disarm() }
    guard stack.arm() else { return }
    let now = MonotonicTime.now
    let left = time > now ? (time.nanoseconds - now.nanoseconds) / 1_000_000 + 1 : 0
    var polled = files.map { pollfd(fd: $0, events: Int16(POLLIN), revents: 0) }
    // SAFETY: the array outlives the call and its count is passed with it.
    _ = unsafe poll(&polled, nfds_t(polled.count), hasWork ? min(1, Int32(clamping: left)) : Int32(clamping: left))
  }

  private static func capitalize(_ buffer: inout Buffer) {
    var bytes = buffer.mutableBytes
    for index in 0..<bytes.count where bytes[index] >= 97 && bytes[index] <= 122 { bytes[index] -= 32 }
  }
}
