/// What a port and everything below it hold, and say of their traffic.
public struct PortReport: Equatable, Sendable {
  /// The buffers that are held.
  public var accounts = BufferAccounts()
  /// One report for each stage, from the bottom up.
  public var stages: [StageReport] = []

  public init() {}
}
