internal import CleanQ

/// What is with the device, in private memory: owns the buffers of the ``VirtqueueChains``.
struct VirtqueueLedger: ~Copyable, Sendable {
  var chains: VirtqueueChains

  init(size: Int) { chains = VirtqueueChains(size: size) }

  deinit {
    // SAFETY: `heads` are the chains whose buffers are initialised; the memory is this value's own.
    for head in heads {
      forEachBuffer(of: head) { unsafe chains.buffer($0).move().release() }
    }
    chains.deallocate()
  }

  // SAFETY, for all that follows: ids of chains are below the size, and their buffers are initialised.

  /// Calls with the index of each buffer of a chain, in order.
  private func forEachBuffer(of head: Int, _ body: (Int) -> Void) {
    let entry = unsafe chains.entry(head).pointee
    var id = head
    for index in 0..<entry.descriptorCount {
      let next = unsafe chains.entry(id).pointee.next
      if index >= entry.bareCount { body(id) }
      id = Int(next)
    }
  }

  /// The chains that are with the device, oldest first.
  ///
  /// - Complexity: O(n log n) in the size: not for the data path.
  private var heads: [Int] {
    (0..<chains.size).filter { unsafe chains.entry($0).pointee.isHead }
      .sorted {
        unsafe Int32(bitPattern: chains.entry($0).pointee.sequence &- chains.entry($1).pointee.sequence) < 0
      }
  }

  /// Takes every buffer that is with the device, which has let go of the queue, oldest first; all ids are free again.
  mutating func takeAll(_ body: (consuming Buffer) -> Void) {
    for head in heads {
      forEachBuffer(of: head) { body(unsafe chains.buffer($0).move()) }
    }
    chains.freeAll()
  }

  /// Adds what is with the device to a census.
  func add(to census: inout Census) {
    for head in heads {
      forEachBuffer(of: head) {
        unsafe census.atPeerByteCount += chains.buffer($0).pointee.byteCount
        census.atPeerBufferCount += 1
      }
    }
  }

  /// Bytes of one region that are with the device.
  func byteCount(of region: RegionID) -> Int {
    var sum = 0
    for head in heads {
      forEachBuffer(of: head) {
        if unsafe chains.buffer($0).pointee.region == region { unsafe sum += chains.buffer($0).pointee.byteCount }
      }
    }
    return sum
  }
}
