internal import CPlatform
internal import Glibc
internal import Synchronization

/// The bookkeeping of one region: which bytes are at home, how many buffers are out, who has it registered.
///
/// Set-up and clean-up go through here under a lock; the data path never does. The mapping lives as long as the
/// control, and the control as long as the ``Region``, a registration or a buffer needs it.
final class RegionControl: Sendable {
  struct State: ~Copyable {
    var home: ExtentSet
    var liveBuffers = 0
    var leakedBuffers = 0
    var registrations = 0
    /// What became of buffers at the far sides of queues.
    var farSides = FarSideAccounts()
    /// The watch over pages that another process can take away; nil before the region is shared.
    var watch: Int32?
    /// The ``Region`` value has gone; the last buffer to return ends the directory's hold.
    var isOrphan = false
  }

  let id: RegionID
  /// The number of bytes that buffers may name; the mapping may be longer by part of a page.
  let byteCount: Int
  let mapping: RegionMapping
  let state: Mutex<State>

  init(id: RegionID, byteCount: Int, mapping: consuming RegionMapping) {
    self.id = id
    self.byteCount = byteCount
    self.mapping = mapping
    state = Mutex(State(home: ExtentSet(0..<byteCount)))
  }

  deinit {
    // The mapping goes next.
    if let watch = state.withLock({ $0.watch }) { cplatform_watch_end(watch) }
  }

  /// Watches the pages, from now until they are unmapped.
  ///
  /// - Returns: the number of the watch.
  func watch() throws(RegionError) -> Int32 {
    let number = state.withLock { state -> Int32 in
      if let watch = state.watch { return watch }
      // SAFETY: the range is mapped as long as the control lives, which ends the watch.
      let watch = unsafe cplatform_watch(mapping.base, mapping.byteCount, mapping.pageByteCount)
      if watch >= 0 { state.watch = watch }
      return watch
    }
    guard number >= 0 else { throw RegionError(.system, errno: errno, context: "watching the pages of shared memory") }
    return number
  }

  /// Carves a buffer from the bytes at home, or returns nil where no run of them is long enough.
  func take(byteCount: Int, alignment: Int) -> Buffer? {
    let offset = state.withLock { state -> Int? in
      guard let offset = state.home.take(byteCount: byteCount, alignment: alignment) else { return nil }
      state.liveBuffers += 1
      return offset
    }
    guard let offset else { return nil }
    let descriptor = Descriptor(region: id, offset: UInt64(offset), byteCount: UInt32(byteCount))
    // SAFETY: the range was at home, so no other buffer names a byte of it, and it is inside the mapping.
    var buffer = unsafe Buffer(base: mapping.base, descriptor: descriptor)
    buffer.clearMetadata()
    return buffer
  }

  /// Takes back the bytes of a buffer. `leaked` says that it came by going out of scope, `notes` at which far sides it was.
  ///
  /// - Returns: true where this was the last buffer of a region whose owner has gone.
  func putBack(_ range: Range<Int>, notes: UInt32, isLeaked: Bool) -> Bool {
    state.withLock { state in
      precondition(state.home.put(range), "bytes \(range) of \(id) were returned twice")
      state.liveBuffers -= 1
      state.farSides.bringHome(notes, range)
      if isLeaked { state.leakedBuffers += 1 }
      return state.isOrphan && state.home.byteCount == byteCount
    }
  }

  /// A buffer with these notes became two.
  func noteSplit(_ notes: UInt32) {
    state.withLock { state in
      state.liveBuffers += 1
      state.farSides.change(notes, byteCount: 0, bufferCount: 1)
    }
  }

  /// The buffer `next` became part of one with the notes `kept`: its bytes are where those of the other are.
  func noteMerge(of next: Descriptor, into kept: UInt32) {
    let byteCount = Int(next.byteCount)
    state.withLock { state in
      state.liveBuffers -= 1
      state.farSides.change(next.awayBits, byteCount: -byteCount, bufferCount: -1)
      state.farSides.change(kept, byteCount: byteCount, bufferCount: 0)
    }
  }

  func adjustRegistrations(by change: Int) {
    state.withLock { $0.registrations += change }
  }
}
