internal import CleanQ
internal import CleanQPlatform
internal import Glibc

/// Why a virtio device could not be set up or asked.
public struct VirtioError: Error, Equatable, Sendable, CustomStringConvertible {
  public enum Code: Equatable, Sendable {
    /// The device does not offer features without which there is no driving it.
    case missingFeatures(VirtioFeatures)
    /// The device offers these, was asked for them, and then did not agree.
    case featuresRefused(VirtioFeatures)
    /// The device has fewer virtqueues, or shorter ones, than are needed.
    case queues
    /// The device has gone; ``VirtioTransport/presence`` says when it is back.
    case gone
    /// The device answered with something that the specification does not allow.
    case broken
    /// The device refused a command of the control queue, or did not answer in time.
    case refused
    /// The transport cannot do this.
    case unsupported
    /// The operating system refused; ``VirtioError/errno`` says why.
    case system
    /// There was no memory for the rings.
    case memory
  }

  public let code: Code
  /// The operating system's error number where ``code`` is `.system`, else 0.
  public let errno: Int32
  /// Which device, and what to do.
  public let context: String

  public init(_ code: Code, errno: Int32 = 0, context: String) {
    self.code = code
    self.errno = errno
    self.context = context
  }

  public var description: String {
    switch code {
    case .missingFeatures(let features): "\(context): the device does not offer \(features)"
    case .featuresRefused(let features): "\(context): the device did not agree to \(features)"
    case .queues, .gone, .broken, .refused, .unsupported, .memory: context
    case .system: "\(context): \(systemErrorText(errno))"
    }
  }
}

extension EventFile {
  /// - Throws: `system` where the process has no file descriptors left.
  static func make(for name: String) throws(VirtioError) -> EventFile {
    guard let file = EventFile() else { throw VirtioError(.system, errno: Glibc.errno, context: "\(name): no eventfd") }
    return file
  }

  static func make(_ count: Int, for name: String) throws(VirtioError) -> [EventFile] {
    try (0..<count).map { _ throws(VirtioError) in try make(for: name) }
  }
}
