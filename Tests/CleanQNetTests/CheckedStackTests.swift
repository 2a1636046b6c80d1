import CleanQ
import CleanQWire
import Testing
import TestSupport

@testable import CleanQNet

/// `fake | checked | ip | checked | udp | checked`, with an echo on top: spares, replies, held back and refused packets pass.
@Suite("Checked between the layers") struct CheckedStackTests {
  private typealias Stack = CheckedPort<UDPPort<CheckedPort<IPPort<CheckedPort<FakePort>>>>>

  /// Frames for every path of the layers: echo, ARP, ping, a closed port, another protocol, garbage.
  private func frame(_ random: inout SeededGenerator) -> [UInt8] {
    let peer = IPv4Address(10, 0, 0, UInt8.random(in: 1...12, using: &random))
    let mac = MACAddress(0x52, 0x54, 0, 0, 0, UInt8(peer.rawValue & 0xFF))
    let data = [UInt8](repeating: 3, count: Int.random(in: 0...200, using: &random))
    switch Int.random(in: 0..<10, using: &random) {
    case 0...4: return Frames.ethernet(from: mac, Frames.ip(from: peer, Frames.udp(data)))
    case 5: return Frames.ethernet(from: mac, Frames.ip(from: peer, protocol: 1, Frames.icmp(data)))
    case 6: return Frames.question(from: mac, peer)
    case 7: return Frames.answer(from: mac, peer)
    case 8: return Frames.ethernet(from: mac, Frames.ip(from: peer, protocol: 6, data))
    default: return data
    }
  }

  /// A turn of an echo: everything goes back to its sender.
  private func turn(_ stack: inout Stack, _ up: inout Burst, _ sent: inout Burst) {
    let before = up.count
    stack.receive(into: &up)
    for index in before..<up.count { check(EchoGuard(answersServices: true).turn(&up[index], as: Datagram.self)) }
    stack.transmit(&up)
    stack.complete(into: &sent)
    stack.fill(&sent)
    stack.notify()
  }

  @Test("no false alarm in 20,000 frames over a device that refuses at random", arguments: [1, 2, 3] as [UInt64])
  func clean(seed: UInt64) throws {
    let region = try Region(byteCount: 1 << 20)
    var now: UInt64 = 1_000_000_000
    let report: @Sendable (OwnershipViolation) -> Void = { Issue.record("seed \(seed): \($0)") }
    let configuration = try IPConfiguration(address: "10.0.0.2/24", gateway: "10.0.0.1")
    let ip = IPPort(
      on: CheckedPort(on: FakePort(seed: seed), report: report), configuration, now: MonotonicTime(nanoseconds: now))
    let udp = UDPPort(on: CheckedPort(on: ip, report: report), ports: [7])
    var stack = CheckedPort(on: udp, report: report)
    try stack.register(region)
    var sent = Burst()
    for _ in 0..<32 { sent.append(try take(region.buffer(byteCount: 2048))) }
    var up = Burst()
    var random = SeededGenerator(seed: seed &+ 7)
    for _ in 0..<20_000 {
      if stack.lower.lower.lower.lower.lower.inbox.count < 64 {
        stack.lower.lower.lower.lower.lower.inbox.append(frame(&random))
      }
      turn(&stack, &up, &sent)
      guard Int.random(in: 0..<16, using: &random) == 0 else { continue }
      now += UInt64.random(in: 0...500_000_000, using: &random)
      _ = stack.advance(to: MonotonicTime(nanoseconds: now))
      stack.lower.lower.lower.lower.lower.outbox.removeAll(keepingCapacity: true)
    }
    // The accounts of all three agree with the accounts below them, with buffers in every place.
    let reports = stack.report().stages
    #expect(reports.map(\.name) == ["fake", "checked", "ip", "checked", "udp", "checked"])
    for report in reports where report.name == "checked" {
      #expect(report.counters.contains(StageReport.Count("violations", 0)), "seed \(seed)")
      #expect(report.received.packets > 1000, "seed \(seed)")
    }
    check(stack.violationCount == 0, "seed \(seed)")
    up.releaseAll()
    sent.releaseAll()
  }
}
