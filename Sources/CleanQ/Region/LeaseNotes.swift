/// The notes by which a fork tells to which of its branches it lent a buffer of one region: a bit of the descriptor for each
/// branch, as of ``FarSide``, whose accounts stay exact also where a branch releases, splits or joins buffers.
///
/// A plain value for the data path; ``Leases`` owns the accounts behind it. Thread-confined.
@frozen
public struct LeaseNotes: Sendable {
  /// How many branches can have notes on one region at a time, less those of rings and checks.
  @inlinable
  public static var capacity: Int { 24 }

  /// All bits, where they lie in a descriptor's `content`.
  @usableFromInline var mask: UInt64 = 0
  /// By branch.
  @usableFromInline var bits = InlineArray<24, UInt64>(repeating: 0)
  /// By note.
  @usableFromInline var branches = InlineArray<24, UInt8>(repeating: 0)

  /// No notes.
  public init() {}

  /// Whether the buffer is lent to a branch.
  ///
  /// - Complexity: O(1).
  @inlinable
  @inline(__always)
  public func isLent(_ buffer: borrowing Buffer) -> Bool { buffer.descriptor.content & mask != 0 }

  /// Whether the buffer is lent to this branch.
  ///
  /// - Complexity: O(1).
  @inlinable
  @inline(__always)
  public func isLent(_ buffer: borrowing Buffer, to branch: Int) -> Bool {
    buffer.descriptor.content & bits[branch] != 0
  }

  /// The branch that the buffer is lent to; nil where it is to none.
  ///
  /// - Complexity: O(1).
  @inlinable
  @inline(__always)
  public func branch(of buffer: borrowing Buffer) -> Int? {
    let noted = buffer.descriptor.content & mask
    guard noted != 0 else { return nil }
    return Int(branches[noted.trailingZeroBitCount &- 40])
  }

  /// Notes that a buffer, which is lent to no branch, is lent to this one.
  ///
  /// - Complexity: O(1).
  @inlinable
  @inline(__always)
  public func lend(_ buffer: inout Buffer, to branch: Int) { buffer.descriptor.content |= bits[branch] }

  /// Notes that a buffer is lent to no branch.
  ///
  /// - Complexity: O(1).
  @inlinable
  @inline(__always)
  public func takeBack(_ buffer: inout Buffer) { buffer.descriptor.content &= ~mask }
}

/// The accounts of what a fork lent to its branches, of one region. Set-up and reports; the data path uses ``notes``.
public final class Leases {
  public let notes: LeaseNotes
  private let accounts: [FarSide]

  /// Opens an account for each branch.
  ///
  /// - Throws: `refused` where the region has too many accounts: of branches, interlinks and checks.
  public init(of region: borrowing Region, branchCount: Int) throws(QueueError) {
    precondition(branchCount <= LeaseNotes.capacity, "a fork has at most \(LeaseNotes.capacity) branches")
    var notes = LeaseNotes()
    var accounts: [FarSide] = []
    for branch in 0..<branchCount {
      let account: FarSide
      do throws(QueueError) { account = try FarSide(of: region) } catch {
        for opened in accounts { opened.close(awayByteCount: 0) }
        throw QueueError(
          .refused,
          context: "all branches, interlinks and checks of a pipeline are more than \(FarSide.capacity); take some out")
      }
      let bit: UInt64 = 1 << UInt64(AwayNote.firstBit + account.index)
      notes.mask |= bit
      notes.bits[branch] = bit
      notes.branches[account.index] = UInt8(branch)
      accounts.append(account)
    }
    self.notes = notes
    self.accounts = accounts
  }

  /// Bytes and buffers of a branch that came or went otherwise than through the fork: released, split, joined. Negative where
  /// they went.
  public func change(of branch: Int) -> (byteCount: Int, bufferCount: Int) { accounts[branch].change }

  /// Ends the account of a branch.
  ///
  /// - Parameter byteCount: bytes that the fork lent to it, less those that it took back.
  public func close(_ branch: Int, lentByteCount byteCount: Int) {
    accounts[branch].close(passedByteCount: byteCount)
  }
}
