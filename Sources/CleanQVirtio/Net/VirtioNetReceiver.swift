internal import CleanQ

/// Makes packets of the buffers that a device has written: takes headers off, joins what was spread over several buffers,
/// completes checksums. Source: [virtio 1.2 § 5.1.6.4 Processing of Incoming Packets].
struct VirtioNetReceiver: ~Copyable, Sendable {
  /// Buffers in the order in which they were used: whole packets, then at most the beginning of one.
  var stage = Burst()
  /// Buffers of packets that were dropped, each empty, and a run by itself: there may be room for some of them only.
  var dropped = Burst()
  /// How many of them belong to whole packets.
  private var wholeCount = 0
  /// How many of them were looked at.
  private var examinedCount = 0
  /// How many buffers the last packet still wants.
  private var missingCount = 0
  /// The last packet will be dropped when it is whole.
  private var isDropping = false
  private var checksumPlace: (start: Int, field: Int)?
  private let isMergeable: Bool
  /// The most buffers that a packet may take. One that takes more than the ring has could not be lent again as the run that it is.
  private let runLimit: Int
  private let completesChecksums: Bool

  private static var ethernetHeaderByteCount: Int { 14 }

  init(_ features: VirtioFeatures, ringSize: Int) {
    runLimit = min(ringSize, Burst.capacity)
    isMergeable = features.contains(.mergeableReceiveBuffers)
    completesChecksums = features.contains(.guestChecksum)
  }

  /// Looks at what has come into the stage.
  @inline(__always)
  mutating func examine(_ counters: inout VirtioNetCounters) {
    if missingCount == 0 { examineFast() }
    // What may have to be dropped must have a place.
    guard examinedCount < stage.count, dropped.room >= stage.count else { return }
    var selection: UInt32 = 0
    var runStart = wholeCount
    for index in examinedCount..<stage.count {
      if missingCount == 0 {
        runStart = index
        begin(index, &counters)
      } else {
        missingCount &-= 1
        stage[index].flags = missingCount == 0 ? .last : []
        // A part that the device filled beyond its end is no part of a packet.
        if stage[index].validByteCount == 0 { isDropping = true }
      }
      guard missingCount == 0 else { continue }
      if !isDropping, let place = checksumPlace { complete(runStart, index, place, &counters) }
      checksumPlace = nil
      if isDropping {
        for bad in runStart...index {
          selection |= 1 << UInt32(truncatingIfNeeded: bad)
          stage[bad].reset()
        }
      }
      isDropping = false
      wholeCount = index &+ 1
    }
    if selection != 0 {
      wholeCount &-= selection.nonzeroBitCount
      stage.move(selection, to: &dropped)
    }
    examinedCount = stage.count
  }

  /// The common case, in one pass: each buffer is a packet by itself with nothing to complete. Ends at the first that is not,
  /// and has believed nothing of it.
  @inline(__always)
  private mutating func examineFast() {
    let (isMergeable, completesChecksums) = (isMergeable, completesChecksums)
    let least = VirtioNetHeader.byteCount &+ Self.ethernetHeaderByteCount
    let looksAtHeader = isMergeable || completesChecksums
    while examinedCount < stage.count {
      var buffers = stage.contiguousSpan(from: examinedCount, to: stage.count)
      var index = 0
      while index < buffers.count {
        if buffers[index].validByteCount < least { break }
        if looksAtHeader {
          let said = VirtioNetHeader(buffers[index])
          if completesChecksums, said.flags & VirtioNetHeader.needsChecksum != 0 { break }
          if isMergeable, said.bufferCount != 1 { break }
        }
        _ = buffers[index].trimFront(VirtioNetHeader.byteCount)
        index &+= 1
      }
      let isEnd = index < buffers.count
      examinedCount &+= index
      wholeCount = examinedCount
      if isEnd { return }
    }
  }

  /// Looks at a buffer with which a packet begins.
  @inline(__always)
  private mutating func begin(_ index: Int, _ counters: inout VirtioNetCounters) {
    let byteCount = stage[index].validByteCount
    guard byteCount >= VirtioNetHeader.byteCount &+ Self.ethernetHeaderByteCount else {
      // Nothing at all is what a lie about the length leaves, or a device that wrote nothing, and is counted already.
      if byteCount > 0 { counters.truncated &+= 1 }
      isDropping = true
      return
    }
    if isMergeable || completesChecksums {
      let header = VirtioNetHeader(stage[index])
      if completesChecksums, header.flags & VirtioNetHeader.needsChecksum != 0 {
        checksumPlace = VirtioNetHeader.checksumPlace(stage[index])
      }
      if isMergeable, header.bufferCount != 1 {
        guard header.bufferCount > 0, header.bufferCount <= runLimit else {
          counters.badBufferCount &+= 1
          isDropping = true
          return
        }
        missingCount = header.bufferCount &- 1
        stage[index].flags = []
      }
    }
    _ = stage[index].trimFront(VirtioNetHeader.byteCount)
  }

  private mutating func complete(
    _ first: Int, _ last: Int, _ place: (start: Int, field: Int), _ counters: inout VirtioNetCounters
  ) {
    if stage.completeChecksum(first: first, count: last - first + 1, start: place.start, field: place.field) {
      counters.completedChecksums &+= 1
    } else {
      counters.badChecksumPlace &+= 1
      isDropping = true
    }
  }

  /// Gives whole packets, as many as fit.
  @inline(__always)
  mutating func give(to burst: inout Burst, _ counters: inout VirtioNetCounters) {
    guard wholeCount > 0 else { return }
    var count = min(wholeCount, burst.room)
    while count > 0, !stage[count &- 1].flags.contains(.last) { count &-= 1 }
    var packets: UInt64 = 0
    var bytes = 0
    var counted = 0
    while counted < count {
      let sums = Self.sums(stage.contiguousSpan(from: counted, to: count))
      packets &+= sums.packets
      bytes &+= sums.bytes
      counted &+= sums.buffers
    }
    counters.received.packets &+= packets
    counters.received.bytes &+= UInt64(truncatingIfNeeded: bytes)
    if count == stage.count {
      burst.append(contentsOf: &stage)
    } else {
      for _ in 0..<count { if let buffer = stage.popFirst() { burst.append(buffer) } }
    }
    wholeCount &-= count
    examinedCount &-= count
  }

  /// Packets that end in these buffers, bytes, and how many buffers they are. A function of its own: the compiler puts a view that
  /// is held by a name and only read on the heap.
  @inline(__always)
  private static func sums(_ view: consuming MutableSpan<Buffer>) -> (packets: UInt64, bytes: Int, buffers: Int) {
    var packets: UInt64 = 0
    var bytes = 0
    for index in 0..<view.count {
      if view[index].flags.contains(.last) { packets &+= 1 }
      bytes &+= view[index].validByteCount
    }
    return (packets, bytes, view.count)
  }

  var hasPackets: Bool { wholeCount > 0 }
}
