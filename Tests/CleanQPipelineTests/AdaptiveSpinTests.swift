import Testing

@testable import CleanQPipeline

@Suite("Whether a loop spins before it sleeps") struct AdaptiveSpinTests {
  private let microsecond: UInt64 = 1000

  @Test("a loop begins by spinning, and stops when packets come far apart")
  func farApart() {
    var spin = AdaptiveSpin(longestNanoseconds: 50 * microsecond)
    #expect(spin.nanoseconds == 50 * microsecond)
    for _ in 0..<5 { spin.noteSlept(gapNanoseconds: 1000 * microsecond) }
    #expect(spin.nanoseconds == 0)
    for _ in 0..<1000 {
      spin.noteSlept(gapNanoseconds: 1000 * microsecond)
      #expect(spin.nanoseconds == 0)
    }
  }

  @Test("it spins again within as many packets as it remembers, though the first of them are slept through")
  func closeAgain() {
    var spin = AdaptiveSpin(longestNanoseconds: 50 * microsecond)
    for _ in 0..<100 { spin.noteSlept(gapNanoseconds: 1000 * microsecond) }
    var count = 0
    while spin.nanoseconds == 0, count < 100 {
      spin.noteSlept(gapNanoseconds: 80 * microsecond)
      count += 1
    }
    #expect(count == AdaptiveSpin.memory / 2)
    for _ in 0..<100 { spin.noteSpun() }
    #expect(spin.nanoseconds == 50 * microsecond)
  }

  @Test("one long gap in ten changes nothing; pairs of packets that are far apart do")
  func mixed() {
    var spin = AdaptiveSpin(longestNanoseconds: 50 * microsecond)
    for index in 0..<1000 {
      if index % 10 == 0 { spin.noteSlept(gapNanoseconds: 5000 * microsecond) } else { spin.noteSpun() }
      #expect(spin.nanoseconds > 0)
    }
    for _ in 0..<100 {
      spin.noteSlept(gapNanoseconds: 5000 * microsecond)
      spin.noteSpun()
    }
    #expect(spin.nanoseconds == 0)
  }

  @Test("a loop that is not to spin never does")
  func never() {
    var spin = AdaptiveSpin(longestNanoseconds: 0)
    for _ in 0..<100 { spin.noteSpun() }
    #expect(spin.nanoseconds == 0)
  }
}
