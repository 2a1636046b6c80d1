import Testing

@testable import CleanQVirtio

@Suite("vhost-user messages")
struct VhostUserMessageTests {
  private func words(_ bytes: [UInt8]) -> [UInt32] {
    stride(from: 0, to: bytes.count, by: 4).map { bytes.native(UInt32.self, at: $0) ?? 0 }
  }

  @Test("the header: request, version 1 and need-reply, payload size")
  func header() {
    let bare = VhostUserMessage(request: .setOwner)
    #expect(words(bare.bytes(needsReply: false)) == [3, 1, 0])
    #expect(words(bare.bytes(needsReply: true)) == [3, 9, 0])
    let features = VhostUserMessage(.setFeatures, value: 0x1_4000_8000)
    #expect(words(features.bytes(needsReply: false)) == [2, 1, 8, 0x4000_8000, 1])
    #expect(features.files.isEmpty)
  }

  @Test("vrings: state, files, the absence of one")
  func vrings() {
    let state = VhostUserMessage(.setVringBase, vring: 3, number: 0x8000_8000)
    #expect(words(state.bytes(needsReply: true)) == [10, 9, 8, 3, 0x8000_8000])
    let call = VhostUserMessage(.setVringCall, vring: 1, file: 7)
    #expect(words(call.bytes(needsReply: false)) == [13, 1, 8, 1, 0] && call.files == [7])
    let none = VhostUserMessage(.setVringError, vringWithoutFile: 2)
    #expect(words(none.bytes(needsReply: false)) == [14, 1, 8, 0x102, 0] && none.files.isEmpty)
  }

  @Test("vring addresses: descriptors, used, available; in this order")
  func addresses() {
    let layout = VirtqueueLayout(
      size: 256, isPacked: false, descriptorAddress: 0x1_0000_1000, driverAddress: 0x2000, deviceAddress: 0x3000)
    let message = VhostUserMessage(vring: 5, at: layout)
    #expect(
      words(message.bytes(needsReply: false)) == [9, 1, 40, 5, 0, 0x1000, 1, 0x3000, 0, 0x2000, 0, 0, 0])
  }

  @Test("memory: a table, one region more, one less")
  func memory() {
    let one = VhostUserRegion(address: 0x7F00_0000_0000, byteCount: 0x20_0000, file: 4)
    let two = VhostUserRegion(address: 0x1000, byteCount: 0x1000, file: 9)
    let table = VhostUserMessage(table: [one, two])
    let first: [UInt32] = [0, 0x7F00, 0x20_0000, 0, 0, 0x7F00, 0, 0]
    let second: [UInt32] = [0x1000, 0, 0x1000, 0, 0x1000, 0, 0, 0]
    #expect(words(table.bytes(needsReply: true)) == [5, 9, 72, 2, 0] + first + second)
    #expect(table.files == [4, 9])
    let more = VhostUserMessage(.addMemoryRegion, region: one)
    #expect(words(more.bytes(needsReply: true)) == [37, 9, 40, 0, 0] + first && more.files == [4])
    let less = VhostUserMessage(.removeMemoryRegion, region: one)
    #expect(words(less.bytes(needsReply: true)) == [38, 9, 40, 0, 0] + first && less.files.isEmpty)
  }

  @Test("a question for the configuration has room for the answer")
  func configuration() {
    let message = VhostUserMessage(configurationOffset: 6, byteCount: 2)
    #expect(message.bytes(needsReply: false).count == 12 + 12 + 2)
    #expect(words(Array(message.bytes(needsReply: false)[..<24])) == [24, 1, 14, 6, 2, 0])
  }

  @Test("numbers are read inside the bytes only", arguments: [-1, 1, 5, 8, Int.max, Int.min])
  func outside(_ offset: Int) {
    #expect(([1, 2, 3, 4] as [UInt8]).native(UInt32.self, at: offset) == nil)
  }
}

@Suite("vhost-user answers: each field is checked")
struct VhostUserReplyTests {
  private func header(_ request: UInt32, _ flags: UInt32, _ size: UInt32) -> [UInt8] {
    var bytes: [UInt8] = []
    for word in [request, flags, size] { bytes.append(native: word) }
    return bytes
  }

  private func fault(_ header: [UInt8], sizes: ClosedRange<Int> = 8...8) -> VhostUserFault? {
    do throws(VhostUserFault) {
      _ = try VhostUserReply.payloadByteCount(header: header, of: .getFeatures, sizes: sizes)
      return nil
    } catch { return error }
  }

  @Test("the header of an answer")
  func headers() throws {
    #expect(try VhostUserReply.payloadByteCount(header: header(1, 5, 8), of: .getFeatures, sizes: 8...8) == 8)
    #expect(fault(header(1, 13, 8)) == nil, "the question's need-reply bit may be left in it")
    #expect(fault(header(2, 5, 8)) == .otherRequest(2))
    #expect(fault(header(.max, 5, 8)) == .otherRequest(.max))
    for flags: UInt32 in [0, 1, 4, 6, 7, 0x15, 0x8000_0005, .max] {
      #expect(fault(header(1, flags, 8)) == .badFlags(flags), "\(flags)")
    }
    for size: UInt32 in [0, 7, 9, 4096, 0x8000_0000, .max] { #expect(fault(header(1, 5, size)) == .badSize(size)) }
    #expect(fault(header(1, 5, 13), sizes: 0...12) == .badSize(13) && fault(header(1, 5, 12), sizes: 0...12) == nil)
    #expect(fault([]) == .closed && fault([1, 0, 0, 0, 5, 0, 0, 0, 8]) == .closed)
  }

  private func outcome<Value>(_ body: () throws(VhostUserFault) -> Value) -> Result<Value, VhostUserFault> {
    do throws(VhostUserFault) { return .success(try body()) } catch { return .failure(error) }
  }

  @Test("numbers and vring states")
  func numbers() {
    let eight: [UInt8] = [3, 0, 0, 0, 9, 0, 0, 0]
    #expect(outcome { () throws(VhostUserFault) in try VhostUserReply.value(eight) } == .success(0x9_0000_0003))
    #expect(outcome { () throws(VhostUserFault) in try VhostUserReply.value([1]) } == .failure(.badSize(1)))
    #expect(outcome { () throws(VhostUserFault) in try VhostUserReply.number(eight, ofVring: 3) } == .success(9))
    #expect(
      outcome { () throws(VhostUserFault) in try VhostUserReply.number(eight, ofVring: 4) } == .failure(.contradiction))
    #expect(
      outcome { () throws(VhostUserFault) in try VhostUserReply.number([], ofVring: 0) } == .failure(.badSize(0)))
  }

  @Test("configuration: what was asked for, or nothing")
  func configuration() {
    let asked: [UInt8] = [6, 0, 0, 0, 2, 0, 0, 0, 0, 0, 0, 0, 0xAB, 0xCD]
    func read(_ payload: [UInt8], _ offset: Int) -> Result<[UInt8]?, VhostUserFault> {
      outcome { () throws(VhostUserFault) in
        try VhostUserReply.configuration(payload, offset: offset, byteCount: 2)
      }
    }
    #expect(read(asked, 6) == .success([0xAB, 0xCD]))
    #expect(read([], 6) == .success(nil))
    #expect(read(asked, 7) == .failure(.contradiction))
    #expect(read(Array(asked.dropLast()), 6) == .failure(.badSize(13)))
    #expect(read(asked + [0], 6) == .failure(.badSize(15)))
  }
}
