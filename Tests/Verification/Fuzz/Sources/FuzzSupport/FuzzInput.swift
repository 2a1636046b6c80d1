/// The fuzzer's bytes, taken from the front. After the last byte come zeros, so that every input means something.
public struct FuzzInput {
  private let bytes: [UInt8]
  private var position = 0

  /// Copies what libFuzzer hands over.
  ///
  /// SAFETY: the caller keeps `count` bytes from `start` on readable during the call.
  @unsafe
  public init(_ start: UnsafePointer<UInt8>?, count: Int) {
    unsafe bytes = Array(UnsafeBufferPointer(start: start, count: count))
  }

  public init(_ bytes: [UInt8]) { self.bytes = bytes }

  public var isAtEnd: Bool { position >= bytes.count }

  /// The next byte.
  public mutating func byte() -> UInt8 {
    guard position < bytes.count else { return 0 }
    defer { position += 1 }
    return bytes[position]
  }

  /// The next number, the low byte first.
  public mutating func number<Number: FixedWidthInteger>(_ type: Number.Type = Number.self) -> Number {
    var value: Number = 0
    for shift in stride(from: 0, to: Number.bitWidth, by: 8) { value |= Number(truncatingIfNeeded: byte()) << shift }
    return value
  }

  /// So many bytes, or as many as there are.
  public mutating func take(_ count: Int) -> [UInt8] {
    let end = min(bytes.count, position + count)
    defer { position = end }
    return Array(bytes[position..<end])
  }

  /// All that is left.
  public mutating func rest() -> [UInt8] { take(bytes.count) }
}
