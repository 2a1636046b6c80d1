/// Why a TAP device could not be opened. What was made or changed before is undone.
public struct TAPError: Error, Equatable, Sendable, CustomStringConvertible {
  public enum Code: Sendable {
    /// The name or a setting cannot be.
    case configuration
    /// No device has that name, and none was to be created.
    case missing
    /// The operating system refused; see ``TAPError/errno``.
    case system
  }

  public let code: Code
  /// The device.
  public let name: String
  /// What was wrong, and what to do.
  public let message: String
  /// The operating system's error number, or 0.
  public let errno: Int32

  init(_ code: Code, _ name: String, _ message: String, errno: Int32 = 0) {
    self.code = code
    self.name = name
    self.message = message
    self.errno = errno
  }

  public var description: String { "\(name): \(message)" }
}
