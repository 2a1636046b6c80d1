import CPlatform
import CleanQPlatform
import Glibc
import Testing

@testable import CleanQVirtio

/// Eventfds whose flags and counts another process changes. Each of these would wait for ever, had it a call that can wait.
@Suite("eventfds that are shared with another process", .timeLimit(.minutes(1))) struct SharedEventTests {
  private func count(_ file: Int32) -> UInt64 {
    var count: UInt64 = 0
    return unsafe read(file, &count, 8) == 8 ? count : 0
  }

  @Test("a blocking one that is full is not waited for, and neither is a blocking one that is empty")
  func blocking() throws {
    let writer = try #require(SharedEventWriter())
    let file = eventfd(0, 0)
    defer { close(file) }
    var most = UInt64.max - 1
    #expect(unsafe write(file, &most, 8) == 8)
    let notifier = VirtqueueNotifier.eventFile(file, context: writer.context, source: writer.source)
    for _ in 0..<3 { notifier.notify() }
    var entry = pollfd(fd: file, events: Int16(POLLIN), revents: 0)
    #expect(unsafe poll(&entry, 1, 0) == 1)
    EventFile.clear(file)
    #expect(unsafe poll(&entry, 1, 0) == 0, "it is empty")
    EventFile.clear(file)
  }

  @Test("each notification is counted, many more than the context holds, from several threads")
  func many() throws {
    let writer = try #require(SharedEventWriter())
    let file = eventfd(0, Int32(EFD_NONBLOCK))
    defer { close(file) }
    let (context, source) = (writer.context, writer.source)
    let threads = (0..<3).map { _ in
      LittleThread { for _ in 0..<2000 { SharedEventWriter.signal(file, context: context, source: source) } }
    }
    for thread in threads { thread.start() }
    for thread in threads { thread.join() }
    #expect(count(file) == 6000)
  }

  @Test("what wakes a port when its device comes or goes is no file that the back end has")
  func wakeFile() throws {
    let back = FakeBackEnd { FakeBackEnd.orderly($0) }
    defer { back.end() }
    let transport = try VhostUserTransport(path: back.path, logger: VhostUserTransportTests.quiet)
    let shared = [transport.callFile(0), transport.callFile(1)] + transport.kicks.map(\.number)
    #expect(!shared.contains(transport.wakeFile(0)))
  }

  @Test("the answers of a whole handshake have one deadline")
  func deadline() {
    // Half a second each: no answer by itself is late.
    let back = FakeBackEnd { request in
      usleep(600_000)
      return FakeBackEnd.orderly(request)
    }
    defer { back.end() }
    do throws(VirtioError) {
      let transport = try VhostUserTransport(path: back.path, logger: VhostUserTransportTests.quiet)
      _ = try VirtioNetDevice(transport)
      Issue.record("it was taken")
    } catch { #expect("\(error)".contains("it did not answer within 2000 ms"), "\(error)") }
  }
}
