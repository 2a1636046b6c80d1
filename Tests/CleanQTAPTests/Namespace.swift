import CPlatform
import Glibc
import Testing

@testable import CleanQTAP
import CleanQTAPStages

/// A network namespace of the calling thread's own, for the time of a call: whatever devices are made go with it.
enum Namespace {
  /// Why there can be none; nil where there can.
  static let refusal: String? = {
    // SAFETY: the path outlives the call.
    guard unsafe access(TAPDevice.path, R_OK | W_OK) == 0 else { return "no access to \(TAPDevice.path)" }
    do { try enter {} } catch { return "no network namespaces: run as root" }
    do { try enter { _ = try TAP("tap0").open(in: .quiet) } } catch { return "no TAP devices: \(error)" }
    return nil
  }()

  struct Refused: Error {}

  /// Runs `body`, which must not suspend, in a new namespace. Threads that it makes are in there too.
  static func enter<Result>(_ body: () throws -> Result) throws -> Result {
    // SAFETY: the path outlives the call.
    let home = unsafe open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC)
    guard home >= 0 else { throw Refused() }
    defer { close(home) }
    guard unshare(CLONE_NEWNET) == 0 else { throw Refused() }
    defer { if setns(home, CLONE_NEWNET) != 0 { fatalError("cannot go back to the machine's network namespace") } }
    return try body()
  }
}

extension Trait where Self == ConditionTrait {
  /// Skips where there can be no namespace with a TAP device in it.
  static var needsNamespaces: Self { .enabled(if: Namespace.refusal == nil, "\(Namespace.refusal ?? "")") }
}

/// The ways of input and output that this machine has.
let transports: [TAP.IO] = {
  guard let device = try? TAPDevice(name: "x"), (try? UringTransport(file: device.file)) != nil else {
    return [.readWrite]
  }
  return [.uring, .readWrite]
}()

/// All suites that make devices; one test at a time, so that open files can be counted.
@Suite(.serialized, .needsNamespaces) enum WithDevices {}
