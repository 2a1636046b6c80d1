internal import CleanQ

// Extreme buffers, split and joined ones.

extension Bench where Peer: ~Copyable {
  mutating func runBounds() throws(Stop) {
    guard !traits.rewrites else { return try runEndOfRegion() }
    // One byte: the first of the region, one in the middle, the last.
    let byteCount = region.byteCount
    let middle = byteCount / 2 - 1
    for (offset, length) in [(0, 1), (middle, 1), (byteCount - 1, 1), (1, byteCount - 2), (0, byteCount)] {
      for valid in [(0, 0), (0, length), (length, 0), (length - 1, 1)] {
        try passRange(offset: offset, byteCount: length, valid)
      }
    }
    var code = deregisterRegion()
    try require(.bounds, code == nil, "all of the region is back, and deregister gives \(text(code))")
    // A region of a single byte.
    guard let tiny = try? Region(byteCount: 1), let buffer = tiny.buffer(byteCount: 1) else { return }
    code = register(tiny)
    try require(.bounds, code == nil, "a region of one byte gives \(text(code))")
    hand.prepend(buffer)
    try require(.bounds, try enqueueOne() == nil, "the only byte of a region was refused")
    try drain()
    hand.releaseAll(of: tiny.id)
    code = deregister(tiny)
    try require(.bounds, code == nil, "a region of one byte is back, and deregister gives \(text(code))")
  }

  /// Sends exactly these bytes of the region through.
  private mutating func passRange(offset: Int, byteCount: Int, _ valid: (Int, Int)) throws(Stop) {
    guard var buffer = region.buffer(byteCount: region.byteCount, alignment: 1) else {
      throw journal.fail(.conservation, "a byte of the region is not at home")
    }
    if offset > 0, let rest = buffer.split(at: offset) {
      buffer.release()
      buffer = rest
    }
    buffer.split(at: byteCount)?.release()
    _ = buffer.setValid(offset: valid.0, byteCount: valid.1)
    hand.prepend(buffer)
    let refusal = try enqueueOne()
    try require(.bounds, refusal == nil, "\(offset)+\(byteCount) of \(region.byteCount) was refused")
    try drain()
    let name = hand.names.first
    try require(
      .bounds, hand.count == 1 && name?.offset == UInt64(offset) && name?.byteCount == UInt32(byteCount),
      "\(offset)+\(byteCount) became \(name?.text ?? "nothing")")
    hand.releaseAll()
  }

  /// A layer's buffers have to have room for headers: one at either end of the region.
  private mutating func runEndOfRegion() throws(Stop) {
    let length = traits.bufferByteCount
    var count = 1 + traits.heldBackBufferCount
    while count > 0, var buffer = region.buffer(byteCount: region.byteCount, alignment: 1) {
      guard let rest = buffer.split(at: region.byteCount - length) else { return }
      buffer.release()
      hand.prepend(rest)
      prepare(0)
      try require(.bounds, try enqueueOne() == nil, "the last bytes of a region were refused")
      try drain()
      hand.releaseAll()
      if ledger.awayCount > 0 { break }
      count -= 1
    }
  }

  /// Offsets and lengths that need more than 32 bits between them.
  mutating func runHugeRegion() throws(Stop) {
    guard traits.takesHugeRegions, !traits.rewrites else { return }
    let byteCount = 2 << 32
    guard let huge = try? Region(byteCount: byteCount, pages: .ordinary) else { return }
    var code = register(huge)
    if code == .refused { return }
    try require(.bounds, code == nil, "a region of 8 GiB gives \(text(code))")
    // Two buffers of 4 GiB less one byte, and what is left: the last two bytes.
    for _ in 0..<2 { if let buffer = huge.buffer(byteCount: Int(UInt32.max), alignment: 1) { hand.append(buffer) } }
    if let buffer = huge.buffer(byteCount: 2, alignment: 1) { hand.append(buffer) }
    let names = hand.names
    for _ in names {
      // Nothing is valid, so no page is touched.
      _ = hand.access(0) { $0.setValid(offset: 0, byteCount: 0) }
      guard try enqueueOne() != nil else { continue }
      try drain()
      try require(.bounds, try enqueueOne() == nil, "a buffer of 4 GiB was refused by an empty queue")
    }
    try drain()
    let back = hand.names.filter { $0.region == huge.id }
    try require(
      .bounds, Set(back.map(\.offset)) == Set(names.map(\.offset)), "offsets beyond 32 bits became \(back.map(\.text))")
    hand.releaseAll(of: huge.id)
    code = deregister(huge)
    try require(.bounds, code == nil, "8 GiB are back, and deregister gives \(text(code))")
  }

  mutating func runSplitMerge() throws(Stop) {
    guard !traits.rewrites, traits.heldBackBufferCount == 0 else {
      return skip(.splitMerge, "the layer needs room for its headers in each buffer")
    }
    try supply(3)
    let whole = hand.names[0]
    for position in [1, Int(whole.byteCount) / 2, Int(whole.byteCount) - 1] {
      try supply(3)
      guard var first = hand.popFirst() else { return }
      let name = first.name
      guard let rest = first.split(at: position) else { return }
      journal.note("split \(name.text) at \(position)")
      // The second part goes first.
      hand.prepend(first)
      hand.prepend(rest)
      try checkRest(.splitMerge)
      try require(.splitMerge, try enqueueOne() == nil, "the second part of a buffer was refused")
      try checkAccounts()
      try require(.splitMerge, try enqueueOne() == nil, "the first part of a buffer was refused")
      try drain()
      try merge(name)
      try require(.splitMerge, try enqueueOne() == nil, "a buffer joined of two was refused")
      try drain()
    }
  }

  /// Joins the two parts of a buffer, and puts it in front.
  private mutating func merge(_ name: Descriptor) throws(Stop) {
    journal.note("merge \(name.text)")
    guard let firstIndex = hand.names.firstIndex(where: { $0.isSameStart(as: name) }),
      var first = hand.remove(at: firstIndex),
      let restIndex = hand.names.firstIndex(where: { $0.offset == name.offset + UInt64(first.byteCount) }),
      let rest = hand.remove(at: restIndex)
    else { throw journal.fail(.splitMerge, "the parts of \(name.text) did not come back") }
    if let rest = first.merge(rest) {
      hand.append(first)
      hand.append(rest)
      throw journal.fail(.splitMerge, "the parts of \(name.text) came back and no longer fit together")
    }
    let isWhole = first.name.isSameStart(as: name) && first.byteCount == Int(name.byteCount)
    hand.prepend(first)
    try require(.splitMerge, isWhole, "the parts of \(name.text) became another buffer")
    try checkRest(.splitMerge)
  }
}
