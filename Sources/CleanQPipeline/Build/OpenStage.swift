/// A stage that is to be opened, and what stands above it: what both texts and programs make of a pipeline's branches.
struct OpenStage: Sendable {
  /// What it stands for.
  var description: any StageDescription
  /// What it is called in reports.
  let label: StageLabel
  /// As errors name it.
  let name: String
  /// Where it runs; nil where its left neighbour does.
  var placement: Placement?
  /// Buffers that the branch which it begins may have; nil for an equal part.
  var share: Int?
  /// The branches above it; empty where one stage is, or none.
  var branches: [[OpenStage]] = []
}

/// Which packets go to which branch of a fork.
struct ForkPlan {
  /// What is wrong with the branches of a fork.
  enum Problem: Error {
    /// The branch claims nothing.
    case claimsNothing(branch: Int)
    /// Two branches claim the same packets.
    case claimedTwice(branch: Int, by: Int, claim: String)
    /// The branch's claims and those of the first are of different kinds.
    case otherKind(branch: Int)
    case tooMany
  }

  let selector: any ForkSelector.Type
  /// For each branch.
  let keys: [(claimed: [Int], unclaimed: Range<Int>)]

  /// - Parameter stages: for each branch the stage that claims its packets; nil where there is none.
  init(_ stages: [(any ClaimingStage)?]) throws(Problem) {
    var owners: [Int: Int] = [:]
    var selector: (any ForkSelector.Type)?
    var keys: [(claimed: [Int], unclaimed: Range<Int>)] = []
    for (branch, stage) in stages.enumerated() {
      guard branch < ForkBranches.maximumCount else { throw .tooMany }
      guard let stage, let own = stage.selector else { throw .claimsNothing(branch: branch) }
      if selector == nil { selector = own }
      guard own == selector else { throw .otherKind(branch: branch) }
      for claim in stage.claims {
        guard claim.selector == selector else { throw .otherKind(branch: branch) }
        if let other = owners[claim.key] {
          throw .claimedTwice(branch: branch, by: other, claim: claim.name)
        }
        owners[claim.key] = branch
      }
      keys.append((stage.claims.map(\.key), stage.unclaimedKeys))
    }
    guard let selector else { throw .claimsNothing(branch: 0) }
    self.selector = selector
    self.keys = keys
  }

  /// The stage of a branch that claims its packets: the first that does not let everything through.
  static func claimingStage(of branch: [any StageDescription]) -> (index: Int, stage: any ClaimingStage)? {
    for (index, stage) in branch.enumerated() {
      if let claiming = stage as? any ClaimingStage { return (index, claiming) }
      guard case .passThrough = stage.shape else { return nil }
    }
    return nil
  }
}
