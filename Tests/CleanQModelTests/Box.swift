/// A place for a noncopyable value that an array can hold.
final class Box<Value: ~Copyable> {
  var value: Value?

  init(_ value: consuming Value) { self.value = consume value }

  /// The value, which leaves the box empty.
  func take() -> Value {
    guard let value = value.take() else { preconditionFailure("the box is empty") }
    return value
  }
}
