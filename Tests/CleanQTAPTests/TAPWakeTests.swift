import CleanQ
import CleanQPipeline
import Foundation
import Glibc
import Synchronization
import Testing

@testable import CleanQTAP

extension WithDevices {
  /// One datagram at a time against a port whose thread sleeps in every round.
  @Suite struct TAPWakeTests {
    @Test(.timeLimit(.minutes(2)), arguments: transports)
    func noWakeUpIsLost(io: TAPConfiguration.IO) throws {
      try Namespace.enter {
        var rig = try Rig(io)
        let client = Client(rig.socket)
        Thread.detachNewThread { client.run(10_000) }
        let timeouts = serve(&rig, until: client.isOver)
        client.end.wait()
        #expect(timeouts == 0, "the port slept although a frame had come")
        #expect(client.answered.load(ordering: .relaxed) == 10_000)
      }
    }

    /// Sends one datagram at a time and waits for its answer.
    final class Client: Sendable {
      let socket: KernelSocket
      let answered = Atomic<Int>(0)
      let isOver = Atomic<Bool>(false)
      let end = DispatchSemaphore(value: 0)

      init(_ socket: KernelSocket) { self.socket = socket }

      func run(_ rounds: Int) {
        for round in 0..<rounds {
          socket.broadcast(UDPFrame.number(round))
          guard let answer = socket.receive(), UDPFrame.number(in: answer) == round else { break }
          answered.add(1, ordering: .relaxed)
        }
        // Pairs with the acquire in `serve`.
        isOver.store(true, ordering: .releasing)
        // One more frame, for a port that sleeps.
        socket.broadcast([])
        end.signal()
      }
    }

    /// Answers datagrams, and sleeps whenever there is none.
    ///
    /// - Returns: how many sleeps of a second nothing ended.
    func serve(_ rig: inout Rig, until isOver: borrowing Atomic<Bool>) -> Int {
      var timeouts = 0
      var burst = Burst()
      var answers = Burst()
      var files: [Int32] = []
      files += rig.port.capabilities.wakeFileDescriptors
      while !isOver.load(ordering: .acquiring) {
        rig.port.receive(into: &burst)
        while var buffer = burst.popFirst() {
          if let payload = UDPFrame.payload(buffer) { buffer.put(UDPFrame.toKernel(payload)) } else { buffer.reset() }
          answers.append(buffer)
        }
        rig.port.transmit(&answers)
        rig.port.notify()
        rig.port.complete(into: &answers)
        rig.port.fill(&answers)
        if rig.port.arm() {
          var wake = pollfd(fd: files[0], events: Int16(POLLIN), revents: 0)
          // SAFETY: one local variable.
          if unsafe poll(&wake, 1, 1000) == 0, !isOver.load(ordering: .acquiring) { timeouts += 1 }
        }
        rig.port.disarm()
      }
      return timeouts
    }
  }
}
