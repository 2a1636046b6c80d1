/// Why the addresses of an interface cannot be.
public struct IPConfigurationError: Error, Equatable, Sendable, CustomStringConvertible {
  /// Which one: `address`, `mac` or `gateway`.
  public let parameter: String
  /// What is wrong with it and what to write, as it reads after a colon.
  public let message: String

  init(_ parameter: String, _ message: String) {
    self.parameter = parameter
    self.message = message
  }

  public var description: String { "\(parameter): \(message)" }
}
