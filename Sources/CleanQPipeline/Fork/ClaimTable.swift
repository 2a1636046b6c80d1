public import Synchronization

/// Which packets are whose at a fork: for each key a branch. The fork's thread reads it with each packet; any thread may change it.
@safe
@usableFromInline
final class ClaimTable: @unchecked Sendable {
  /// In the table: nobody's.
  @inlinable
  static var unclaimed: UInt8 { .max }

  /// By key: the branch, or ``unclaimed``.
  @usableFromInline let branches: UnsafeMutablePointer<Atomic<UInt8>>
  private let keyCount: Int
  /// For each branch, the keys whose packets it answers where nobody claims them.
  private let answered: [Range<Int>]
  /// As errors name the branches.
  private let names: [String]
  /// By key that is claimed: the branch.
  private let claimed = Mutex<[Int: Int]>([:])

  /// - Parameters:
  ///   - keys: for each branch, what it claims and what it answers where nobody claims it; no key is claimed twice.
  ///   - names: of the branches, for errors.
  init(_ keys: [(claimed: [Int], unclaimed: Range<Int>)], keyCount: Int, names: [String]) {
    self.keyCount = keyCount
    self.names = names
    answered = keys.map(\.unclaimed)
    unsafe branches = .allocate(capacity: keyCount)
    for key in 0..<keyCount { unsafe (branches + key).initialize(to: Atomic(Self.unclaimed)) }
    for range in answered { for key in range { set(key, to: answering(key)) } }
    for (branch, keys) in keys.enumerated() { for key in keys.claimed { _ = claim(key, for: branch) } }
  }

  deinit {
    // SAFETY: all were initialised in `init`; nobody points to the table any more.
    unsafe branches.deinitialize(count: keyCount)
    unsafe branches.deallocate()
  }

  /// Gives the packets of a key to a branch, from the next packet on.
  ///
  /// - Returns: the path of the branch that has them, this one or another, where one does; then nothing has changed.
  func claim(_ key: Int, for branch: Int) -> String? {
    precondition((0..<keyCount).contains(key), "there is no such key")
    let owner = claimed.withLock { claimed -> Int? in
      if let owner = claimed[key] { return owner }
      claimed[key] = branch
      set(key, to: UInt8(branch))
      return nil
    }
    return owner.map { names[$0] }
  }

  /// Ends a claim of a branch, from the next packet on: the packets go to the branch for unclaimed ones, or end. Does nothing where
  /// the branch has no such claim.
  func withdraw(_ key: Int, of branch: Int) {
    claimed.withLock { claimed in
      guard claimed[key] == branch else { return }
      claimed[key] = nil
      set(key, to: answering(key))
    }
  }

  /// The first branch that answers packets of a key which nobody claims.
  private func answering(_ key: Int) -> UInt8 {
    answered.firstIndex { $0.contains(key) }.map { UInt8($0) } ?? Self.unclaimed
  }

  private func set(_ key: Int, to branch: UInt8) {
    // Relaxed: a packet that comes at the same time may go either way.
    // SAFETY: the key is below `keyCount`: that of a claim was compared, and of a range it is so by contract.
    unsafe branches[key].store(branch, ordering: .relaxed)
  }
}
