/// A set of UDP ports: one bit each, 8 KiB.
@frozen
public struct PortSet: Sendable {
  @usableFromInline var words = [UInt64](repeating: 0, count: 1024)

  public init(_ ports: [UInt16]) {
    for port in ports { words[Int(port >> 6)] |= 1 << UInt64(port & 63) }
  }

  /// - Complexity: O(1).
  @inlinable
  public func contains(_ port: UInt16) -> Bool { words[Int(port >> 6)] & (1 << UInt64(port & 63)) != 0 }
}
