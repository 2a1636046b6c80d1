/// Why a region could not be made or released. Nothing has changed when one is thrown.
public struct RegionError: Error, Equatable, Sendable, CustomStringConvertible {
  public enum Code: Equatable, Sendable {
    /// The size asked for is zero, negative or beyond ``Region/maximumByteCount``.
    case badSize
    /// The system call named in ``RegionError/context`` failed with ``RegionError/errno``.
    case system
    /// The memfd of a shared region could not be sealed, so that another process could make it shorter.
    case seal
    /// The region is not of shared memory.
    case notShared
    /// The process has ``RegionDirectory/capacity`` regions already.
    case tooMany
    /// This many bytes are named by buffers that are still alive.
    case inUse(byteCount: Int)
    /// This many queues still have the region registered.
    case registered(queueCount: Int)
  }

  public let code: Code
  /// The operating system's error number where ``code`` is `.system` or `.seal`, else 0.
  public let errno: Int32
  public let context: String

  init(_ code: Code, errno: Int32 = 0, context: String = "") {
    self.code = code
    self.errno = errno
    self.context = context
  }

  public var description: String {
    switch code {
    case .badSize: "a region holds 1 to \(Region.maximumByteCount) bytes, not \(context)"
    case .system: "\(context) failed: \(systemErrorText(errno)); free memory or ask for a smaller region"
    case .seal:
      "the memory to be shared could not be sealed against being made shorter: \(systemErrorText(errno)); "
        + "use a kernel that seals memfds, Linux 4.16 or later"
    case .notShared: "another process cannot map the region; make it with backing: .shared"
    case .tooMany: "a process has at most \(RegionDirectory.capacity) regions; release one first"
    case .inUse(let byteCount): "\(byteCount) bytes of the region are in buffers that are still in use"
    case .registered(let queueCount): "\(queueCount) queues still have the region registered; deregister it first"
    }
  }
}
