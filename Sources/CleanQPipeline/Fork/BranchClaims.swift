/// What one branch of an open fork claims, to be changed while the pipeline runs. May be used from any thread, also after the
/// pipeline has ended, when it changes nothing any more.
public struct BranchClaims: Sendable {
  /// Goes with the fork.
  private weak let table: ClaimTable?
  private let branch: Int

  init(_ table: ClaimTable, _ branch: Int) {
    self.table = table
    self.branch = branch
  }

  /// Claims packets for the branch, from the next one on.
  ///
  /// - Parameter claim: of the same selector as those with which the fork was opened.
  /// - Throws: where a branch of the fork has them already.
  public func claim(_ claim: Claim) throws(ClaimError) {
    if let owner = table?.claim(claim.key, for: branch) { throw ClaimError(claim.name, by: owner) }
  }

  /// Withdraws a claim, from the next packet on. Does nothing where the branch has no such claim.
  ///
  /// What was given to the branch before stays there.
  public func withdraw(_ claim: Claim) { table?.withdraw(claim.key, of: branch) }

  /// Whether the fork is still there.
  public var isOpen: Bool { table != nil }
}
