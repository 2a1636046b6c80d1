/// The calls that a ledger sees.
public enum OwnershipCall: UInt8, Sendable, CaseIterable, CustomStringConvertible {
  case register
  case deregister
  case fill
  case receive
  case transmit
  case complete
  case enqueue
  case dequeue
  /// Was handed down and not taken.
  case handBack
  /// The account at the end.
  case accounts

  public var description: String {
    switch self {
    case .register: "register"
    case .deregister: "deregister"
    case .fill: "fill"
    case .receive: "receive"
    case .transmit: "transmit"
    case .complete: "complete"
    case .enqueue: "enqueue"
    case .dequeue: "dequeue"
    case .handBack: "hand-back"
    case .accounts: "accounts"
    }
  }
}

/// Something that happened to bytes of a region: a buffer that changed sides.
public struct OwnershipEvent: Equatable, Sendable, CustomStringConvertible {
  /// Which of the ledger's operations it was: the first buffer that it saw is 1.
  public let operation: UInt64
  public let call: OwnershipCall
  /// The buffer's first byte, counted from the region's.
  public let offset: Int
  public let byteCount: Int

  public var description: String { "#\(operation) \(call) \(offset)+\(byteCount)" }
}
