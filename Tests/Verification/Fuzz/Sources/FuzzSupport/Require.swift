/// Ends the process where a property does not hold; libFuzzer then keeps the input.
public func require(
  _ holds: Bool, _ property: @autoclosure () -> String, file: StaticString = #fileID, line: UInt = #line
) {
  guard !holds else { return }
  violated(property(), file: file, line: line)
}

/// Ends the process: a property does not hold.
@inline(never)
public func violated(_ property: String, file: StaticString = #fileID, line: UInt = #line) -> Never {
  fatalError("does not hold: \(property)", file: file, line: line)
}
