/// A claim that cannot be made, since a branch of the fork has it already.
public struct ClaimError: Error, Equatable, Sendable, CustomStringConvertible {
  /// The path of the branch.
  public let owner: String

  init(by owner: String) { self.owner = owner }

  public var description: String { "\(owner) has claimed it already; withdraw it there first" }
}
