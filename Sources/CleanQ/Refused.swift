/// Something that was not taken, handed back to its owner together with the reason.
@frozen
public struct Refused<Value: ~Copyable, Reason: Sendable>: ~Copyable {
  public var value: Value
  public let reason: Reason

  @inlinable
  public init(_ value: consuming Value, _ reason: Reason) {
    self.value = value
    self.reason = reason
  }

  /// The value, without the reason.
  @inlinable
  public consuming func take() -> Value { value }
}

extension Refused: Sendable where Value: Sendable & ~Copyable {}
