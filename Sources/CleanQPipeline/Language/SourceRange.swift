/// A half-open range of pipeline text, in UTF-8 offsets.
///
/// An empty range names a place between two bytes, such as the one where a bracket is missing.
public struct SourceRange: Hashable, Sendable {
  /// The offset of the first byte.
  public let start: Int
  /// The offset after the last byte.
  public let end: Int

  /// Makes the range `start..<end`.
  ///
  /// - Precondition: `0 <= start <= end`.
  public init(_ start: Int, _ end: Int) {
    precondition(0 <= start && start <= end, "a source range runs forward from an offset of 0 or more")
    self.start = start
    self.end = end
  }

  /// The range from the beginning of this one to the end of `other`.
  ///
  /// - Precondition: `other` does not end before this range starts.
  public func through(_ other: SourceRange) -> SourceRange {
    SourceRange(start, other.end)
  }

  /// The empty range after this one.
  public var after: SourceRange { SourceRange(end, end) }
}
