internal import Glibc

/// read(2) and write(2), one call per frame.
struct ReadWriteTransport: Sendable {
  /// The device's; never blocks.
  let file: Int32

  func perform(_ batch: inout IOBatch) {
    for index in 0..<batch.count {
      let result = perform(batch[index])
      batch.systemCallCount &+= 1
      batch.setResult(index, result)
      // Nothing to read: the reads behind this one would find nothing either, and stay unanswered.
      if result == -EAGAIN, batch[index].kind == .read { return }
    }
  }

  private func perform(_ operation: IOBatch.Operation) -> Int32 {
    while true {
      // SAFETY: the maker of the batch owns the memory until it is answered.
      let result =
        switch operation.kind {
        case .read: unsafe read(file, operation.address, Int(operation.count))
        case .write: unsafe write(file, operation.address, Int(operation.count))
        case .gather:
          unsafe writev(file, operation.address.assumingMemoryBound(to: iovec.self), Int32(operation.count))
        }
      if result >= 0 { return Int32(clamping: result) }
      if errno != EINTR { return -errno }
    }
  }
}
