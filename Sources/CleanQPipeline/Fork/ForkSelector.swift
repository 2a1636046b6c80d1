public import CleanQ

/// How a fork tells which packets are whose: by a number that each packet has.
///
/// A type without values; the fork is compiled for it, in the module that defines it.
public protocol ForkSelector: Sendable {
  /// What is told apart.
  associatedtype Unit: Traffic

  /// How many keys there are: each is from 0 to this, less one.
  static var keyCount: Int { get }

  /// The key of a packet, by the first of its buffers. May be made of bytes that were not checked yet.
  ///
  /// - Complexity: O(1).
  static func key(of buffer: borrowing Buffer) -> Int

  /// Makes a fork. A requirement, so that it is compiled for each selector; the default does it.
  static func fork(_ branches: consuming ForkBranches) -> AnyPort<Unit>
}

extension ForkSelector {
  @inlinable
  public static func fork(_ branches: consuming ForkBranches) -> AnyPort<Unit> {
    AnyPort(ForkPort<Self>(branches))
  }
}

/// What a stage wants of the traffic below it: packets of one key.
public struct Claim: Sendable {
  /// How the packets are told from others.
  public let selector: any ForkSelector.Type
  /// The key.
  public let key: Int
  /// For messages, after "claims": `UDP port 7`.
  public let name: String

  public init(_ selector: any ForkSelector.Type, key: Int, name: String) {
    precondition((0..<selector.keyCount).contains(key), "there is no such key")
    self.selector = selector
    self.key = key
    self.name = name
  }
}

/// A stage that can begin a branch: it says which of the packets below it are its own.
public protocol ClaimingStage: StageDescription {
  /// At least one where the stage is complete, unless it claims later.
  var claims: [Claim] { get }

  /// How its packets are told from others; nil where it claims nothing. That of the first claim, unless the stage claims later.
  var selector: (any ForkSelector.Type)? { get }

  /// Keys whose packets the stage wants to see where no branch claims them, so that it can answer them; of several branches the
  /// first is asked. Empty by default.
  var unclaimedKeys: Range<Int> { get }

  /// What tells the stage from another of its kind, for paths: the `7` of `udp:7`. Empty where there is only one.
  var claimLabel: String { get }

  /// The fork below is open: of a pipeline in several instances, one for each. A stage whose claims change while it runs keeps what
  /// it is given, and makes its claims of that moment. Does nothing by default.
  ///
  /// - Throws: where another branch has one of them.
  func didOpen(_ claims: BranchClaims) throws(ClaimError)
}

extension ClaimingStage {
  public var unclaimedKeys: Range<Int> { 0..<0 }
  public var claimLabel: String { "" }
  public var selector: (any ForkSelector.Type)? { claims.first?.selector }
  public func didOpen(_ claims: BranchClaims) throws(ClaimError) {}
}

/// A stage that learns what it is to open from the branches above it.
public protocol BlockReadingStage: StageDescription {
  /// The same stage, with what the branches of its block claim.
  ///
  /// - Parameter branches: the stages that claim, one for each branch.
  func reading(_ branches: [any ClaimingStage]) -> any StageDescription

  /// What is missing where nothing was claimed and nothing was said; nil where the stage is complete.
  var missing: String? { get }
}
