import CleanQ
import CleanQPipeline
import TestSupport
import Testing

@Suite struct LimitedLogTests {
  @Test func aFloodOfLinesIsAFewAndTheirNumber() {
    let log = Log()
    var limited = LimitedLog(log.logger, burst: 2)
    var now = MonotonicTime(nanoseconds: 1)
    for index in 0..<1000 { limited.log(at: now, "line \(index)") }
    #expect(log.lines.count == 2)
    now = now.advanced(byMilliseconds: 10_001)
    let later = limited.log(at: now, "later")
    let again = limited.log(at: now, "again")
    #expect(later && !again)
    #expect(log.lines.last == "warning later (and 998 more like it since the last line)")
  }
}
