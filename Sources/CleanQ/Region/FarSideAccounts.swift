/// The accounts behind all ``FarSide``s of one region, by the bit of their ``AwayNote``.
struct FarSideAccounts {
  /// How many queues of this kind can have one region at a time: the bits of a note.
  static let capacity = 24

  private enum Use {
    case free
    case open
    /// The queue has gone, and buffers that bear its note are still out: the bit is not given to another queue yet.
    case ending
  }

  private struct Account {
    var use = Use.free
    var byteCount = 0
    var bufferCount = 0
    /// Which bytes were released since the last query; nil without queries.
    var returned: [Range<Int>]?
  }

  private var accounts = InlineArray<24, Account>(repeating: Account())

  /// Opens an account: the preferred one where it is free, else the first that is.
  ///
  /// - Returns: its index, or nil where there are ``capacity`` of them.
  mutating func open(namesBytes: Bool, preferring preferred: Int?) -> Int? {
    let isFree = preferred.map { accounts[$0].use == .free } ?? false
    guard let index = isFree ? preferred : accounts.indices.first(where: { accounts[$0].use == .free }) else {
      return nil
    }
    accounts[index] = Account(use: .open, returned: namesBytes ? [] : nil)
    return index
  }

  /// What has been added to the far side otherwise than through the queue; less than nothing where it was taken away.
  func change(at index: Int) -> (byteCount: Int, bufferCount: Int) {
    (accounts[index].byteCount, accounts[index].bufferCount)
  }

  /// The bytes that were released since the last call.
  mutating func takeReturned(at index: Int) -> [Range<Int>] {
    guard let returned = accounts[index].returned, !returned.isEmpty else { return [] }
    accounts[index].returned = []
    return returned
  }

  /// A buffer with these notes was released.
  mutating func bringHome(_ notes: UInt32, _ range: Range<Int>) {
    var left = notes
    while left != 0 {
      accounts[left.trailingZeroBitCount].returned?.append(range)
      left &= left - 1
    }
    change(notes, byteCount: -range.count, bufferCount: -1)
  }

  /// Bytes and buffers with these notes have come or gone.
  mutating func change(_ notes: UInt32, byteCount: Int, bufferCount: Int) {
    var left = notes
    while left != 0 {
      let index = left.trailingZeroBitCount
      left &= left - 1
      accounts[index].byteCount += byteCount
      accounts[index].bufferCount += bufferCount
      if accounts[index].use == .ending, accounts[index].byteCount <= 0 { accounts[index] = Account() }
    }
  }

  /// The queue lets the region go, or goes itself.
  ///
  /// - Parameter awayByteCount: bytes that are still at its far side.
  mutating func close(_ index: Int, awayByteCount: Int) {
    accounts[index] = awayByteCount > 0 ? Account(use: .ending, byteCount: awayByteCount) : Account()
  }
}
