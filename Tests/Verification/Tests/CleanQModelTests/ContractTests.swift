import CleanQ
import CleanQModel
import Testing

/// The model by itself: what Contract.md says of each operation, and that the invariants are able to fail.
@Suite("QueueModel") struct ContractTests {
  private func prepared() throws -> (QueueModel, QueueModel.RegionID, QueueModel.Buffer) {
    var model = QueueModel(capacity: 2)
    let region = model.makeRegion(firstByte: 100, byteCount: 8, by: .x)
    #expect(model.register(region, by: .x).isEmpty)
    let carved = model.carve(byteCount: 4, from: region, by: .x)
    return (model, region, try #require(carved))
  }

  @Test("register needs bytes that are in no registered region")
  func overlap() throws {
    var (model, region, _) = try prepared()
    #expect(model.register(region, by: .x) == [.alreadyRegistered])
    let overlapping = model.makeRegion(firstByte: 107, byteCount: 8, by: .x)
    let before = model
    #expect(model.register(overlapping, by: .x) == [.alreadyRegistered])
    #expect(model == before)
    let adjacent = model.makeRegion(firstByte: 108, byteCount: 8, by: .y)
    #expect(model.register(adjacent, by: .x) == [.notOwned])
    #expect(model.register(adjacent, by: .y).isEmpty)
    #expect(model.owned[.y] == Set(108..<116) && model.brokenInvariants.isEmpty)
  }

  @Test("bytes move through the four sets, and deregister counts those elsewhere")
  func sets() throws {
    var (model, region, buffer) = try prepared()
    #expect(model.enqueue(buffer, by: .y) == [.notOwned])
    #expect(model.enqueue(buffer, by: .x).isEmpty)
    #expect(model.enqueue(buffer, by: .x) == [.notOwned], "used after it was handed over")
    #expect(model.owned[.x] == Set(104..<108) && model.transit[.x] == Set(100..<104))
    #expect(model.deregister(region, by: .x) == [.elsewhere(byteCount: 4)])
    #expect(model.dequeue(by: .y) == buffer && model.dequeue(by: .y) == nil)
    #expect(model.owned[.y] == Set(100..<104) && model.transit[.x] == [])
    #expect(model.deregister(region, by: .x) == [.elsewhere(byteCount: 4)])
    #expect(model.deregister(region, by: .y) == [.notRegistrar])
    #expect(model.release(region) == [.registered, .inUse(byteCount: 4)])
    #expect(model.brokenInvariants.isEmpty)
  }

  @Test("a retired id never names the region that took its place")
  func generations() throws {
    var (model, region, buffer) = try prepared()
    #expect(model.bringHome(buffer, by: .x).isEmpty && model.deregister(region, by: .x).isEmpty)
    #expect(model.release(region).isEmpty)
    let next = model.makeRegion(firstByte: 100, byteCount: 8, by: .x)
    #expect(next.slot == region.slot && next != region)
    #expect(model.register(next, by: .x).isEmpty)
    #expect(model.enqueue(buffer, by: .x) == [.unknownRegion])
    #expect(model.deregister(region, by: .x) == [.noRegion])
  }

  /// the contract, defects of the published code: bounds sums overflow (offset 2^64−1, length 1 passes).
  @Test("the bounds of a descriptor are those that CleanQ checks, at every extreme")
  func bounds() {
    let sizes: [UInt64] = [1, 2, 63, 64, 65, 4096, 1 << 32, 1 << 38]
    let offsets: [UInt64] = [0, 1, 63, 64, 65, 1 << 32, 1 << 38, 1 << 63, .max - 1, .max]
    let lengths: [UInt32] = [0, 1, 2, 63, 64, 65, 4096, 1 << 31, .max - 1, .max]
    let id = QueueModel.RegionID(slot: 1, generation: 1)
    for size in sizes {
      for offset in offsets {
        for length in lengths {
          for validOffset in lengths {
            for validLength in lengths {
              var buffer = QueueModel.Buffer(region: id, offset: offset, byteCount: UInt64(length))
              buffer.validOffset = UInt64(validOffset)
              buffer.validByteCount = UInt64(validLength)
              let real = Descriptor(
                region: RegionID(slot: 1, generation: 1), offset: offset, byteCount: length, validOffset: validOffset,
                validByteCount: validLength)
              let faults = QueueModel.faults(of: buffer, regionByteCount: size)
              let fault = real.fault(regionByteCount: size).map { DescriptorObjection($0) }
              let agrees = fault.map { $0.map { faults.contains($0) } ?? false } ?? faults.isEmpty
              if !agrees { Issue.record("\(real) in \(size) bytes: \(String(describing: fault)), model \(faults)") }
            }
          }
        }
      }
    }
  }

  @Test("the accounts add up, and a closed queue owes nothing")
  func accounts() throws {
    var (model, region, buffer) = try prepared()
    #expect(model.enqueue(buffer, by: .x).isEmpty)
    let account = model.destroy(by: .y)
    #expect(account.registeredByteCount == 8 && account.inFlightByteCount == 4 && account.atPeerByteCount == 4)
    #expect(model.deregister(region, by: .x) == [.elsewhere(byteCount: 4)])
    #expect(model.destroy(by: .x).ownedByteCount == 4)
    #expect(model.registeredBytes.isEmpty && model.liveBuffers.isEmpty && model.release(region).isEmpty)
  }
}

extension DescriptorObjection {
  init?(_ fault: DescriptorFault) {
    switch fault {
    case .empty: self = .empty
    case .outsideRegion: self = .outsideRegion
    case .validOutsideBuffer: self = .validOutsideBuffer
    case .unknownFlags, .unknownRegion: return nil
    }
  }
}
