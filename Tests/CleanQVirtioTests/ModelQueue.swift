import Synchronization
import TestSupport

@testable import CleanQVirtio

/// A chain that a model device took from a virtqueue.
struct ModelChain {
  var id: UInt16
  /// In the order of the chain; addresses are the device's.
  var parts: [(address: UInt64, byteCount: Int, isWritable: Bool)]
  /// How many descriptors of the ring it has.
  var descriptorCount: Int

  var byteCount: Int { parts.reduce(0) { $0 + $1.byteCount } }
}

/// The device's side of a virtqueue, written from the specification alone and with as much care as a device needs: every
/// descriptor is looked up, nothing of the driver's code is used.
protocol ModelQueue: AnyObject {
  /// The next chain that is available, or nil.
  func take() -> ModelChain?
  /// Gives a chain back with so many bytes written.
  func use(_ chain: ModelChain, byteCount: Int)
  /// Gives chains back by one element that names the last. § 2.7.9, § 2.8.9
  func useBatch(_ chains: [ModelChain], byteCount: Int)
  /// Whether the driver wants to be told of what was used since the last call.
  func wantsCall() -> Bool
  /// Asks the driver for notifications, or not to send any.
  func setKicks(wanted: Bool)

  /// Shared words were overwritten, so that the device itself reads nonsense; it stops there then.
  var isWrecked: Bool { get set }

  // What only a liar does.
  /// Writes a used element for any id.
  func forge(id: UInt32, byteCount: UInt32)
  /// Overwrites the id of the element at a place of the ring.
  func setUsedID(at place: Int, _ id: UInt16)
  /// Says that so many more elements were used than were.
  func jump(by count: Int)
  /// Overwrites any of the shared words.
  func scribble(_ random: inout SeededGenerator)
  /// How many 32-bit words all areas have.
  var wordCount: Int { get }
  /// How many of them, from the first, are those that a device writes.
  var usedWordCount: Int { get }
  func scribbleWord(_ index: Int, _ value: UInt32)
}

/// Words in memory that driver and device share.
// SAFETY, for all of it: each offset is compared with the length.
@safe
struct SharedArea {
  let base: UnsafeMutableRawPointer
  let byteCount: Int

  init(base: UnsafeMutableRawPointer, byteCount: Int) {
    unsafe self.base = base
    self.byteCount = byteCount
  }

  func load16(_ offset: Int) -> UInt16 {
    precondition(offset >= 0 && offset + 2 <= byteCount)
    return unsafe (base + offset).assumingMemoryBound(to: Atomic<UInt16>.self).pointee.load(ordering: .acquiring)
  }

  func store16(_ offset: Int, _ value: UInt16) {
    precondition(offset >= 0 && offset + 2 <= byteCount)
    unsafe (base + offset).assumingMemoryBound(to: Atomic<UInt16>.self).pointee.store(value, ordering: .releasing)
  }

  func load32(_ offset: Int) -> UInt32 {
    precondition(offset >= 0 && offset + 4 <= byteCount)
    return unsafe (base + offset).assumingMemoryBound(to: Atomic<UInt32>.self).pointee.load(ordering: .acquiring)
  }

  func store32(_ offset: Int, _ value: UInt32) {
    precondition(offset >= 0 && offset + 4 <= byteCount)
    unsafe (base + offset).assumingMemoryBound(to: Atomic<UInt32>.self).pointee.store(value, ordering: .releasing)
  }

  func load64(_ offset: Int) -> UInt64 { UInt64(load32(offset)) | UInt64(load32(offset + 4)) << 32 }
}

extension ModelQueue {
  /// All chains that are available.
  func takeAll() -> [ModelChain] {
    var chains: [ModelChain] = []
    while let chain = take() { chains.append(chain) }
    return chains
  }
}
