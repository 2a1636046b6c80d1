import ArgumentParser

/// Numbers on the command line.
enum WholeNumber {
  /// Reads a number in a range.
  ///
  /// - Parameter noun: what it is, for the message: `a number of frames`.
  static func read(_ text: String, _ range: ClosedRange<Int>, _ noun: String) throws -> Int {
    guard let number = Int(text), range.contains(number) else {
      throw ValidationError("write \(noun), \(range.lowerBound) to \(range.upperBound)")
    }
    return number
  }
}
