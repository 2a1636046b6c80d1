import CleanQ
import FuzzSupport

@testable import CleanQNet

/// What went through the user's hands.
struct Books {
  var delivered: UInt64 = 0
  var handedOver: UInt64 = 0
  var completed: UInt64 = 0
  /// Datagrams in one buffer that the user meant to send.
  private(set) var whole: UInt64 = 0
  /// Buffers of datagrams in several.
  private(set) var inRuns: UInt64 = 0
  /// Buffers of the datagram that the user has begun and not ended.
  private var unfinished: UInt64 = 0

  mutating func append(isUnfinished: Bool) {
    unfinished += 1
    if !isUnfinished { endRun() }
  }

  /// The last buffer so far ends its datagram.
  mutating func endRun() {
    if unfinished == 1 { whole += 1 } else { inRuns += unfinished }
    unfinished = 0
  }
}

extension StackRig {
  /// Every byte that is not at home is where the accounts say.
  func checkAccounts() {
    var accounts = port.accounts()
    accounts.addInFlight(up)
    accounts.addInFlight(returned)
    accounts.addInFlight(own)
    accounts.addInFlight(fences)
    require(accounts.registeredByteCount == region.byteCount, "the region is registered")
    require(accounts.inFlightByteCount == region.liveByteCount, "every byte is where the accounts say")
    require(accounts.inFlightBufferCount == region.liveBufferCount, "every buffer is where the accounts say")
  }

  /// Lets everything drain, balances the books, and takes the stack down.
  mutating func settle() {
    port.lower.lower.limit = Burst.capacity
    // A datagram that the user began and did not end is refused until it has an end.
    if !up.isEmpty { up[up.count - 1].flags.insert(.last) }
    books.endRun()
    // What is on the wire comes in first; then questions to neighbours that do not answer end after some seconds.
    for _ in 0..<(port.lower.lower.inbox.count + 12) {
      now += 1_000_000_000
      _ = port.advance(to: MonotonicTime(nanoseconds: now))
      turn()
    }
    require(port.lower.lower.inbox.isEmpty && up.isEmpty, "everything that is to move moves")
    balance()
    takeDown()
  }

  private func balance() {
    let ip = port.lower.engine.counters
    let reports = port.report().stages
    let udp = reports[2]
    let drops = IPDropReason.allCases.filter { !$0.isTransmit }.reduce(0) { $0 + ip[$1] }
    let frameCount = port.lower.lower.frameCount
    require(ip.received.packets + ip.consumed + drops == frameCount, "each of \(frameCount) frames has one fate")
    let below = ["truncated", "bad-udp-length", "bad-udp-checksum", "closed-port", "not-udp"].reduce(0) {
      $0 + udp.drop($1)
    }
    require(ip.received.packets == udp.received.packets + below, "each packet has one fate")
    require(udp.received.packets == books.delivered, "each datagram is delivered once")
    let failed = udp.drop("too-long") + udp.drop("no-headroom")
    require(books.handedOver == books.completed, "each datagram comes back once")
    require(books.handedOver == books.whole + books.inRuns, "everything is handed over")
    require(udp.transmitted.packets + failed == books.whole, "each datagram in one buffer has one fate")
    let answers = udp.counters.first { $0.name == "icmp-errors-made" }?.value ?? 0
    require(ip.transmitted.packets == udp.transmitted.packets + answers, "each packet from UDP is IP's")
  }

  private mutating func takeDown() {
    for index in 0..<fences.count { Shadow.unpoison(fences[index]) }
    fences.releaseAll()
    own.releaseAll()
    returned.releaseAll()
    for _ in 0..<8 {
      port.lower.lower.releaseFreeBuffers()
      returned.releaseAll()
      do throws(QueueError) {
        try port.deregister(region)
        break
      } catch {
        turn()
        own.releaseAll()
      }
    }
    require(port.accounts() == BufferAccounts(), "a port at rest holds nothing")
    require(region.liveBufferCount == 0 && region.leakedBufferCount == 0, "every buffer is home, and none went astray")
  }
}

extension StageReport {
  func drop(_ name: String) -> UInt64 { drops.first { $0.name == name }?.value ?? 0 }
}
