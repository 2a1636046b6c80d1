/// Notes in the descriptor of a buffer: by which accounts of a fork it is lent. A bit for each, as of ``FarSide``, whose accounts
/// stay exact also where a buffer is released, split or joined.
@frozen
public struct LeaseNotes: Sendable, BitwiseCopyable {
  /// How many notes there are.
  @inlinable
  public static var capacity: Int { 24 }

  /// The bits, at their places in a descriptor's `content`.
  @usableFromInline var bits: UInt64

  @inlinable
  init(bits: UInt64) { self.bits = bits }

  /// No notes.
  @inlinable
  public init() { bits = 0 }

  /// The notes of both.
  @inlinable
  public func union(_ other: LeaseNotes) -> LeaseNotes { LeaseNotes(bits: bits | other.bits) }
}

extension Buffer {
  /// Whether the buffer has one of the notes.
  ///
  /// - Complexity: O(1).
  @inlinable
  @inline(__always)
  public func isLent(_ notes: LeaseNotes) -> Bool { descriptor.content & notes.bits != 0 }

  /// The first of the notes that the buffer has, 0 to 23; nil where it has none of them.
  ///
  /// - Complexity: O(1).
  @inlinable
  @inline(__always)
  public func firstLease(of notes: LeaseNotes) -> Int? {
    let noted = descriptor.content & notes.bits
    return noted == 0 ? nil : noted.trailingZeroBitCount &- 40
  }

  /// Makes the notes.
  ///
  /// - Complexity: O(1).
  @inlinable
  @inline(__always)
  public mutating func lend(_ notes: LeaseNotes) { descriptor.content |= notes.bits }

  /// Whether the buffer is a whole packet, and has none of the notes.
  ///
  /// - Complexity: O(1), one comparison.
  @inlinable
  @inline(__always)
  public func isWholePacket(without notes: LeaseNotes) -> Bool {
    let last = UInt64(BufferFlags.last.rawValue) << 32
    return descriptor.content & (last | notes.bits) == last
  }

  /// Takes the notes off.
  ///
  /// - Returns: 1 where the buffer had one of them, else 0.
  /// - Complexity: O(1).
  @inlinable
  @inline(__always)
  @discardableResult
  public mutating func endLease(_ notes: LeaseNotes) -> Int {
    let content = descriptor.content
    descriptor.content = content & ~notes.bits
    return content & notes.bits == 0 ? 0 : 1
  }
}

/// The accounts of what a fork lent to its branches, of one region. Set-up and reports; the data path uses the notes.
public final class Leases {
  private let accounts: [FarSide]

  /// The note of a branch's account, 0 to 23.
  public func index(of branch: Int) -> Int { accounts[branch].index }

  /// The same as a note on a buffer.
  public func note(of branch: Int) -> LeaseNotes {
    LeaseNotes(bits: 1 << UInt64(AwayNote.firstBit + accounts[branch].index))
  }

  /// Opens an account for each branch.
  ///
  /// - Throws: `refused` where the region has too many accounts: of branches, interlinks and checks.
  public init(of region: borrowing Region, branchCount: Int) throws(QueueError) {
    precondition(branchCount <= LeaseNotes.capacity, "a fork has at most \(LeaseNotes.capacity) branches")
    var accounts: [FarSide] = []
    for _ in 0..<branchCount {
      let account: FarSide
      do throws(QueueError) { account = try FarSide(of: region) } catch {
        for opened in accounts { opened.close(awayByteCount: 0) }
        throw QueueError(
          .refused,
          context: "all branches, interlinks and checks of a pipeline are more than \(FarSide.capacity); take some out")
      }
      accounts.append(account)
    }
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
