/// What a number in a stage's report means, for the person who reads the summary.
public struct CountDescription: Hashable, Sendable {
  /// What kind of number it is.
  public enum Role: String, CaseIterable, Sendable {
    /// Packets that ended in the stage.
    case drop
    /// Anything else that only grows.
    case counter
    /// A state: it grows and falls.
    case gauge
  }

  /// The name in reports.
  public let name: String
  public let role: Role
  /// What one of it is, and what to do about it, as one sentence without a full stop.
  public let meaning: String

  public init(_ name: String, _ role: Role, _ meaning: String) {
    self.name = name
    self.role = role
    self.meaning = meaning
  }

  /// Packets that ended in the stage.
  public static func drop(_ name: String, _ meaning: String) -> CountDescription { .init(name, .drop, meaning) }

  /// Anything else that only grows.
  public static func counter(_ name: String, _ meaning: String) -> CountDescription { .init(name, .counter, meaning) }

  /// A state.
  public static func gauge(_ name: String, _ meaning: String) -> CountDescription { .init(name, .gauge, meaning) }
}
