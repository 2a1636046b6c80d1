import TestSupport

@testable import CleanQVirtio

/// § 2.7, from the device's side.
final class ModelSplitQueue: ModelQueue {
  let size: Int
  let table: SharedArea
  let driver: SharedArea
  let device: SharedArea
  let usesEventIndex: Bool
  var nextAvailable: UInt16 = 0
  var usedIndex: UInt16 = 0
  var announced: UInt16 = 0
  var isWrecked = false

  init(size: Int, table: SharedArea, driver: SharedArea, device: SharedArea, usesEventIndex: Bool) {
    self.size = size
    self.table = table
    self.driver = driver
    self.device = device
    self.usesEventIndex = usesEventIndex
  }

  func take() -> ModelChain? {
    guard driver.load16(2) != nextAvailable else { return nil }
    let head = driver.load16(4 + 2 * (Int(nextAvailable) % size))
    nextAvailable &+= 1
    if usesEventIndex { setKicks(wanted: wantsKicks) }
    var chain = ModelChain(id: head, parts: [], descriptorCount: 0)
    var id = Int(head)
    while true {
      if isWrecked, id >= size || chain.parts.count >= size { return nil }
      // § 2.7.5.1: no loops.
      precondition(id < size && chain.parts.count < size, "the driver made a bad chain")
      let marks = UInt16(truncatingIfNeeded: table.load32(16 * id + 12))
      chain.parts.append((table.load64(16 * id), Int(table.load32(16 * id + 8)), marks & 2 != 0))
      chain.descriptorCount += 1
      precondition(marks & ~3 == 0 || isWrecked, "the driver set marks that were not agreed on")
      if marks & 1 == 0 { return chain }
      id = Int(table.load16(16 * id + 14))
    }
  }

  func use(_ chain: ModelChain, byteCount: Int) { forge(id: UInt32(chain.id), byteCount: UInt32(byteCount)) }

  func useBatch(_ chains: [ModelChain], byteCount: Int) {
    guard let last = chains.last else { return }
    write(id: UInt32(last.id), byteCount: UInt32(byteCount))
    usedIndex &+= UInt16(chains.count)
    device.store16(2, usedIndex)
  }

  private func write(id: UInt32, byteCount: UInt32) {
    let offset = 4 + 8 * (Int(usedIndex) % size)
    device.store32(offset, id)
    device.store32(offset + 4, byteCount)
  }

  func wantsCall() -> Bool {
    let old = announced
    announced = usedIndex
    if usesEventIndex {
      let event = driver.load16(4 + 2 * size)
      return usedIndex &- event &- 1 < usedIndex &- old
    }
    return driver.load16(0) & 1 == 0 && old != usedIndex
  }

  private var wantsKicks = true

  func setKicks(wanted: Bool) {
    wantsKicks = wanted
    if usesEventIndex {
      device.store16(4 + 8 * size, wanted ? nextAvailable : nextAvailable &- 1)
    } else {
      device.store16(0, wanted ? 0 : 1)
    }
  }

  func forge(id: UInt32, byteCount: UInt32) {
    write(id: id, byteCount: byteCount)
    usedIndex &+= 1
    device.store16(2, usedIndex)
  }

  func setUsedID(at place: Int, _ id: UInt16) { device.store32(4 + 8 * place, UInt32(id)) }

  func jump(by count: Int) {
    usedIndex &+= UInt16(truncatingIfNeeded: count)
    device.store16(2, usedIndex)
  }

  var wordCount: Int { (table.byteCount + driver.byteCount + device.byteCount) / 4 }

  var usedWordCount: Int { device.byteCount / 4 }

  func scribbleWord(_ index: Int, _ value: UInt32) {
    isWrecked = true
    // Words of the used ring are four bytes behind a multiple of eight; the index is in the upper half of its first word.
    var offset = 4 * index
    for area in [device, driver, table] {
      if offset + 4 <= area.byteCount { return area.store32(offset, value) }
      offset -= area.byteCount / 4 * 4
    }
  }

  func scribble(_ random: inout SeededGenerator) {
    let word = Int.random(in: 0..<(device.byteCount / 4), using: &random)
    scribbleWord(word, UInt32(truncatingIfNeeded: random.next()))
  }
}
