import CleanQ
import Testing
import TestSupport

/// What waits in a store, against an array.
@Suite struct BufferStoreTests {
  @Test(arguments: [1, 2, 3, 5, 64, 100])
  func keepsOrderAndEveryBuffer(capacity: Int) throws {
    let region = try Region(byteCount: 64 * capacity)
    var outside = BufferStore(capacity: capacity)
    for _ in 0..<capacity { if let buffer = region.buffer(byteCount: 64) { outside.append(buffer) } }
    #expect(outside.room == 0)
    var store = BufferStore(capacity: capacity)
    var model: [Int] = []
    var random = SeededGenerator(seed: UInt64(capacity))
    for _ in 0..<2000 {
      switch Int.random(in: 0..<5, using: &random) {
      case 0, 1:
        guard let buffer = outside.popFirst() else { continue }
        model.append(buffer.offset)
        store.append(buffer)
      case 2:
        guard let buffer = store.popFirst() else {
          #expect(model.isEmpty)
          continue
        }
        #expect(buffer.offset == model.removeFirst())
        outside.append(buffer)
      case 3:
        guard let buffer = store.popFirst() else { continue }
        #expect(buffer.offset == model.first)
        store.pushFirst(buffer)
      default:
        var burst = Burst()
        store.move(to: &burst)
        let count = burst.count
        #expect(count == min(model.count, Burst.capacity))
        store.append(contentsOf: &burst)
        #expect(burst.count == 0)
        model = Array(model[count...] + model[..<count])
      }
      #expect(store.count == model.count && store.isEmpty == model.isEmpty && store.room == capacity - model.count)
      var accounts = BufferAccounts()
      store.add(to: &accounts)
      #expect(accounts.inFlightBufferCount == model.count && accounts.inFlightByteCount == 64 * model.count)
      #expect(store.byteCount(of: region.id) == 64 * model.count && store.byteCount(of: .none) == 0)
    }
    #expect(region.liveBufferCount == capacity)
  }

  @Test func whatIsLeftComesHome() throws {
    let region = try Region(byteCount: 256)
    do {
      var store = BufferStore(capacity: 3)
      for _ in 0..<3 { if let buffer = region.buffer(byteCount: 64) { store.append(buffer) } }
      #expect(region.liveByteCount == 192)
    }
    #expect(region.liveByteCount == 0)
  }
}
