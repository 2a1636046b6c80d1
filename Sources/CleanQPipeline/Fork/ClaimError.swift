/// A claim that cannot be made, since a branch of the fork has it already.
public struct ClaimError: Error, Equatable, Sendable, CustomStringConvertible {
  /// What was to be claimed: `UDP port 7`.
  public let claim: String
  /// The path of the branch.
  public let owner: String

  init(_ claim: String, by owner: String) {
    self.claim = claim
    self.owner = owner
  }

  public var description: String { "\(claim) is claimed by \(owner) already; withdraw it there first" }
}
