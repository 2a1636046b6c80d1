import TestSupport

@testable import CleanQVirtio

/// § 2.8, from the device's side.
final class ModelPackedQueue: ModelQueue {
  let size: Int
  let ring: SharedArea
  let driver: SharedArea
  let device: SharedArea
  let usesEventIndex: Bool
  var next = 0
  var wrap = true
  var usedNext = 0
  var usedWrap = true
  var announcedCount = 0
  var isWrecked = false

  init(size: Int, ring: SharedArea, driver: SharedArea, device: SharedArea, usesEventIndex: Bool) {
    self.size = size
    self.ring = ring
    self.driver = driver
    self.device = device
    self.usesEventIndex = usesEventIndex
  }

  private func isAvailable(_ marks: UInt16, _ wrap: Bool) -> Bool {
    (marks & 0x80 != 0) == wrap && (marks & 0x8000 != 0) != wrap
  }

  func take() -> ModelChain? {
    var place = next
    var placeWrap = wrap
    var chain = ModelChain(id: 0, parts: [], descriptorCount: 0)
    while true {
      let marks = ring.load16(16 * place + 14)
      guard isAvailable(marks, placeWrap) else {
        // § 2.8.6: the first descriptor of a chain becomes available last.
        precondition(chain.parts.isEmpty || isWrecked, "the driver made the beginning of a chain available")
        return nil
      }
      precondition(marks & ~0x8083 == 0 || isWrecked, "the driver set marks that were not agreed on")
      chain.parts.append((ring.load64(16 * place), Int(ring.load32(16 * place + 8)), marks & 2 != 0))
      chain.descriptorCount += 1
      chain.id = ring.load16(16 * place + 12)
      place += 1
      if place == size { (place, placeWrap) = (0, !placeWrap) }
      if marks & 1 == 0 { break }
      if isWrecked, chain.parts.count >= size { return nil }
      precondition(chain.parts.count < size, "the driver made a chain without end")
    }
    (next, wrap) = (place, placeWrap)
    if usesEventIndex { setKicks(wanted: wantsKicks) }
    return chain
  }

  func use(_ chain: ModelChain, byteCount: Int) {
    write(id: chain.id, byteCount: UInt32(byteCount))
    advance(chain.descriptorCount)
  }

  func useBatch(_ chains: [ModelChain], byteCount: Int) {
    guard let last = chains.last else { return }
    write(id: last.id, byteCount: UInt32(byteCount))
    advance(chains.reduce(0) { $0 + $1.descriptorCount })
  }

  private func write(id: UInt16, byteCount: UInt32) {
    ring.store32(16 * usedNext + 8, byteCount)
    ring.store16(16 * usedNext + 12, id)
    ring.store16(16 * usedNext + 14, usedWrap ? 0x8080 : 0)
  }

  private func advance(_ count: Int) {
    usedNext += count
    announcedCount += count
    if usedNext >= size { (usedNext, usedWrap) = (usedNext - size, !usedWrap) }
  }

  func wantsCall() -> Bool {
    let count = announcedCount
    announcedCount = 0
    guard count > 0 else { return false }
    let event = driver.load32(0)
    switch event >> 16 & 3 {
    case 0: return true
    case 1: return false
    default:
      // § 2.8.10: the descriptors used lie behind each other; whether the one asked for is among them.
      let asked = Int(event & 0x7FFF)
      let isSameLap = (event & 0x8000 != 0) == usedWrap
      let position = isSameLap ? asked : asked - size
      return position >= usedNext - count && position < usedNext
    }
  }

  private var wantsKicks = true

  func setKicks(wanted: Bool) {
    wantsKicks = wanted
    if usesEventIndex, wanted {
      device.store32(0, UInt32(next) | (wrap ? 0x8000 : 0) | 2 << 16)
    } else {
      device.store32(0, wanted ? 0 : 1 << 16)
    }
  }

  func forge(id: UInt32, byteCount: UInt32) {
    write(id: UInt16(truncatingIfNeeded: id), byteCount: byteCount)
    advance(1)
  }

  func setUsedID(at place: Int, _ id: UInt16) { ring.store16(16 * place + 12, id) }

  func jump(by count: Int) {
    // Marks used what was not; the elements are what the driver wrote there.
    for _ in 0..<min(count, size) {
      ring.store16(16 * usedNext + 14, usedWrap ? 0x8080 : 0)
      advance(1)
    }
  }

  var wordCount: Int { ring.byteCount / 4 + 2 }

  var usedWordCount: Int { wordCount }

  func scribbleWord(_ index: Int, _ value: UInt32) {
    isWrecked = true
    switch index {
    case 0: device.store32(0, value)
    case 1: driver.store32(0, value)
    default: ring.store32(4 * (index - 2), value)
    }
  }

  func scribble(_ random: inout SeededGenerator) {
    scribbleWord(Int.random(in: 0..<wordCount, using: &random), UInt32(truncatingIfNeeded: random.next()))
  }
}
