internal import CleanQ

/// What is with the device, in private memory: owns the buffers of the ``VirtqueueChains``.
struct VirtqueueLedger: ~Copyable, Sendable {
  var chains: VirtqueueChains

  init(size: Int) { chains = VirtqueueChains(size: size) }

  deinit {
    // SAFETY: the memory is this value's own.
    forEachBuffer { unsafe chains.buffer($0).move().release() }
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

  /// The chains that are with the device, in no order.
  private var heads: some Sequence<Int> {
    let chains = chains
    return (0..<chains.size).lazy.filter { unsafe chains.entry($0).pointee.isHead }
  }

  /// Calls with the index of each buffer that is with the device, in no order.
  ///
  /// - Complexity: O(size): not for the data path.
  private func forEachBuffer(_ body: (Int) -> Void) {
    for head in heads { forEachBuffer(of: head, body) }
  }

  /// Takes every buffer that is with the device, which has let go of the queue, oldest first; all ids are free again.
  mutating func takeAll(_ body: (consuming Buffer) -> Void) {
    let oldestFirst = heads.sorted {
      unsafe Int32(bitPattern: chains.entry($0).pointee.sequence &- chains.entry($1).pointee.sequence) < 0
    }
    for head in oldestFirst {
      forEachBuffer(of: head) { body(unsafe chains.buffer($0).move()) }
    }
    chains.freeAll()
  }

  /// Adds what is with the device to accounts.
  func add(to accounts: inout BufferAccounts) {
    forEachBuffer { unsafe accounts.addAtPeer(chains.buffer($0).pointee) }
  }

  /// Bytes of one region that are with the device.
  func byteCount(of region: RegionID) -> Int {
    var sum = 0
    forEachBuffer {
      if unsafe chains.buffer($0).pointee.region == region { unsafe sum += chains.buffer($0).pointee.byteCount }
    }
    return sum
  }
}
