/// What a stage has against its arguments, when each alone is well-formed.
public struct ArgumentError: Error, Hashable, Sendable {
  /// The name of the parameter concerned; nil when it is the stage as a whole.
  public let parameter: String?
  /// Which of the values, where the parameter takes several.
  public let index: Int
  /// What is wrong and what to do, as it reads after a colon.
  public let problem: String

  /// Makes a diagnostic about one argument.
  ///
  /// - Parameters:
  ///   - parameter: The name of one of the stage's parameters.
  ///   - index: Which of the values, from 0. One that was not given puts the caret under the stage's name.
  ///   - problem: What is wrong and what to do, as it reads after a colon.
  public init(_ parameter: String, index: Int = 0, _ problem: String) {
    self.parameter = parameter
    self.index = index
    self.problem = problem
  }

  /// Makes a diagnostic about the stage as a whole.
  ///
  /// - Parameter problem: What is wrong and what to do, as it reads after a colon.
  public init(_ problem: String) {
    parameter = nil
    index = 0
    self.problem = problem
  }
}

extension ArgumentError: CustomStringConvertible {
  /// `address: it is the broadcast address of /24; write a host's address`
  public var description: String { parameter.map { "\($0): \(problem)" } ?? problem }
}
