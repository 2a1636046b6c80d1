/// A place for a noncopyable value that an array can hold.
public final class Box<Value: ~Copyable> {
  public var value: Value?

  public init(_ value: consuming Value) { self.value = consume value }

  /// The value, which leaves the box empty.
  public func take() -> Value {
    guard let value = value.take() else { preconditionFailure("the box is empty") }
    return value
  }
}
