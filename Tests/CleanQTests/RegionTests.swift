import CleanQ
import Foundation
import Testing
import TestSupport

@Suite("Region") struct RegionTests {
  @Test("rounds nothing away: the bytes asked for are the bytes there are")
  func size() throws {
    let region = try Region(byteCount: 10_000)
    check(region.byteCount == 10_000)
    check(region.liveByteCount == 0)
    check(region.buffer(byteCount: 10_001) == nil)
    let whole = try take(region.buffer(byteCount: 10_000))
    check(region.liveByteCount == 10_000)
    whole.release()
    check(region.liveByteCount == 0)
    check(region.leakedBufferCount == 0)
  }

  @Test("refuses sizes that cannot be", arguments: [0, -1, Region.maximumByteCount + 1, .max, .min])
  func badSize(_ byteCount: Int) {
    #expect(throws: RegionError.self) { _ = try Region(byteCount: byteCount) }
  }

  @Test("defect: ids are reused at once. They are never used again: a slot's next region has the next generation")
  func generations() throws {
    var seen: Set<RegionID> = []
    for _ in 0..<200 {
      let region = try Region(byteCount: 4096)
      check(seen.insert(region.id).inserted)
    }
  }

  @Test("a released region with buffers out comes back with the error, unchanged")
  func releaseInUse() throws {
    let region = try Region(byteCount: 4096)
    let id = region.id
    var buffer = try take(region.buffer(byteCount: 100))
    buffer.reset()
    guard let refused = region.release() else {
      Issue.record("the region was released under a buffer")
      return
    }
    check(refused.reason.code == .inUse(byteCount: 100))
    let same = refused.take()
    check(same.id == id)
    check(same.liveByteCount == 100)
    check(buffer.setValid(offset: 0, byteCount: 100))
    var bytes = buffer.mutableBytes
    bytes[99] = 7
    buffer.release()
    check(same.release() == nil)
  }

  @Test("a registered region is not released")
  func releaseRegistered() throws {
    let region = try Region(byteCount: 4096)
    var queue = LoopbackQueue()
    try queue.register(region)
    guard let refused = region.release() else {
      Issue.record("the region was released under a queue")
      return
    }
    check(refused.reason.code == .registered(queueCount: 1))
    let same = refused.take()
    try queue.deregister(same)
    check(same.release() == nil)
  }

  @Test("memory outlives the region value for as long as a buffer names it")
  func orphan() throws {
    func make() throws -> Buffer? {
      let region = try Region(byteCount: 4096)
      return region.buffer(byteCount: 64)
    }
    var buffer = try take(try make())
    check(buffer.setValid(offset: 0, byteCount: 64))
    var bytes = buffer.mutableBytes
    for index in 0..<64 { bytes[index] = UInt8(index) }
    check(buffer.bytes[63] == 63)
  }

  /// In a process of its own: the limit is the process's, and other tests want regions meanwhile.
  @Test("failure 7: a process has a bounded number of regions")
  func bounded() async {
    await #expect(processExitsWith: .success) {
      func count() throws -> Int {
        let region = try Region(byteCount: 1)
        let further = (try? count()) ?? 0
        return region.byteCount + further
      }
      let regions = try count()
      precondition(regions == RegionDirectory.capacity, "\(regions) regions")
      let again = try Region(byteCount: 1)
      precondition(again.byteCount == 1)
    }
  }

  @Test("a shared region has a file, an anonymous one has none")
  func backing() throws {
    let shared = try Region(byteCount: 4096, backing: .shared)
    check(shared.fileDescriptor != nil)
    let anonymous = try Region(byteCount: 4096, backing: .anonymous)
    check(anonymous.fileDescriptor == nil)
  }

  @Test(
    "defect: a stale shared-memory file makes both sides joiners. Shared memory has no name: who asks for it makes it")
  func sharedMemory() throws {
    let first = try Region(byteCount: 4096, backing: .shared)
    let second = try Region(byteCount: 4096, backing: .shared)
    for file in [try take(first.fileDescriptor), try take(second.fileDescriptor)] {
      let target = try FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/fd/\(file)")
      #expect(target.hasPrefix("/memfd:"))
    }
    var mine = try take(first.buffer(byteCount: 64))
    check(mine.fill(from: [UInt8](repeating: 0xAB, count: 14).span, headroom: 50))
    var others = try take(second.buffer(byteCount: 64))
    check(others.setValid(offset: 0, byteCount: 64))
    #expect((0..<64).allSatisfy { others.bytes[$0] == 0 })
  }
}
