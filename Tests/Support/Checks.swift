public import Testing

// The macros of Swift Testing copy what they look at; these stand in where a value cannot be copied.

/// Records an issue where the condition does not hold.
public func check(_ condition: Bool, _ comment: Comment? = nil, sourceLocation: SourceLocation = #_sourceLocation) {
  #expect(condition, comment, sourceLocation: sourceLocation)
}

/// The value, or the end of the test where there is none.
public func take<Value: ~Copyable>(
  _ value: consuming Value?, sourceLocation: SourceLocation = #_sourceLocation
) throws -> Value {
  guard let value else {
    _ = try #require(nil as Int?, sourceLocation: sourceLocation)
    fatalError("not reached")
  }
  return value
}
