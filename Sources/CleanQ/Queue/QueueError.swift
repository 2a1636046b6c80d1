/// Why a set-up operation of a queue failed. Nothing has changed when one is thrown.
public struct QueueError: Error, Equatable, Sendable, CustomStringConvertible {
  public enum Code: Equatable, Sendable {
    /// The region is registered with this queue already.
    case alreadyRegistered
    /// The region was deregistered from this queue, where its id is dead for ever; make a new region.
    case retired
    /// The region is not registered with this queue.
    case notRegistered
    /// The other side registered this region; only it can deregister.
    case notOwner
    /// This many bytes of the region are in flight or with the other side.
    case elsewhere(byteCount: Int)
    /// The queue does not know this request.
    case unsupported
    /// A device or the operating system refused; see ``QueueError/context``.
    case refused
  }

  public let code: Code
  public let context: String

  public init(_ code: Code, context: String = "") {
    self.code = code
    self.context = context
  }

  /// For a queue of which a region is deregistered.
  ///
  /// - Parameter elsewhereByteCount: bytes of the region that are in flight or with the other side.
  /// - Throws: `elsewhere` where there are any.
  public static func requireNone(elsewhereByteCount: Int) throws(QueueError) {
    guard elsewhereByteCount == 0 else { throw QueueError(.elsewhere(byteCount: elsewhereByteCount)) }
  }

  public var description: String {
    let reason =
      switch code {
      case .alreadyRegistered: "the region is registered with this queue already"
      case .retired: "the region was deregistered from this queue before, where its id is dead; make a new region"
      case .notRegistered: "the region is not registered with this queue"
      case .notOwner: "the region was registered by the other side, which alone can deregister it"
      case .elsewhere(let byteCount): "\(byteCount) bytes of the region are in flight or with the other side"
      case .unsupported: "the queue does not know this request"
      case .refused: "the device refused"
      }
    return context.isEmpty ? reason : "\(reason): \(context)"
  }
}
