/// How batches get to the kernel. Chosen once, when the port is opened.
///
/// Both ways carry out writes and reads in the batch's order, and both are finished when the call returns: between two
/// calls no byte is in the kernel's hands.
enum Transport: ~Copyable, Sendable {
  case uring(UringTransport)
  case readWrite(ReadWriteTransport)

  /// Chooses for a file that is open and not yet attached to a device.
  ///
  /// - Parameter name: the device's, as errors name it.
  /// - Throws: io_uring was asked for by name and refused.
  init(_ io: TAPConfiguration.IO, file: Int32, of name: String, _ onEvent: TAPEventHandler) throws(TAPError) {
    guard io != .readWrite else {
      self = .readWrite(ReadWriteTransport(file: file))
      return
    }
    do throws(UringRefusal) {
      self = .uring(try UringTransport(file: file))
    } catch {
      let advice = "allow it (sysctl kernel.io_uring_disabled, the container's seccomp profile) or leave out io: uring"
      if io == .uring { throw TAPError(.system, name, "no io_uring: \(error.reason); \(advice)", errno: error.errno) }
      onEvent(.withoutUring(reason: error.reason))
      self = .readWrite(ReadWriteTransport(file: file))
    }
  }

  /// Carries out the batch. Operations that could not be begun stay unanswered; none is under way on return.
  func perform(_ batch: inout IOBatch) {
    switch self {
    case .uring(let uring): uring.perform(&batch)
    case .readWrite(let readWrite): readWrite.perform(&batch)
    }
  }

  var isUring: Bool {
    switch self {
    case .uring: true
    case .readWrite: false
    }
  }
}
