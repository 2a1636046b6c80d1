import FuzzSupport

@testable import CleanQ

/// What must hold of a buffer that a descriptor became, whatever its owner asks of it.
enum BufferChecks {
  static func check(_ buffer: inout Buffer, of descriptor: Descriptor, _ input: inout FuzzInput) {
    touch(buffer)
    for _ in 0..<4 where !input.isAtEnd {
      let before = buffer.name
      // Large, small and negative numbers.
      let shift = Int(input.byte() & 63)
      let first = Int(truncatingIfNeeded: input.number(UInt64.self)) >> shift
      let second = Int(truncatingIfNeeded: input.number(UInt64.self)) >> shift
      let isDone: Bool
      switch input.byte() & 3 {
      case 0: isDone = buffer.setValid(offset: first, byteCount: second)
      case 1: isDone = buffer.prepend(first)
      case 2: isDone = buffer.trimFront(first)
      default: isDone = buffer.truncate(to: first)
      }
      require(isDone || buffer.name == before, "what fails changes nothing")
      require(Oracle.isValidPartInBuffer(buffer.name), "the valid part stays inside: \(buffer.name)")
      let isSame =
        buffer.name.region == before.region && buffer.name.offset == before.offset
        && buffer.name.byteCount == before.byteCount
      require(isSame, "a buffer stays where it is")
      touch(buffer)
    }
  }

  /// Reads the first and the last byte of both views.
  private static func touch(_ buffer: borrowing Buffer) {
    let whole = buffer.storage
    let valid = buffer.bytes
    let isWhole = whole.count == buffer.byteCount && valid.count == buffer.validByteCount
    require(isWhole, "views have the lengths of their parts")
    require(buffer.headroom + valid.count + buffer.tailroom == whole.count, "headroom, valid part and tailroom are all")
    var sum = UInt64(whole[0]) &+ UInt64(whole[whole.count - 1])
    if !valid.isEmpty { sum &+= UInt64(valid[0]) &+ UInt64(valid[valid.count - 1]) }
    require(sum == 0, "nobody has written into the regions")
  }
}
