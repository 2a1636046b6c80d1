internal import CleanQ

extension Virtqueue {
  /// Takes every buffer back from a device that has let go of the queue: it was reset, or has vanished. Oldest first.
  ///
  /// The queue is not to be used again.
  mutating func takeAll(_ body: (consuming Buffer) -> Void) {
    while let buffer = parting.popFirst() { body(buffer) }
    ledger.takeAll(body)
  }

  /// Adds the queue's buffers to accounts: with the device, or used and not taken yet.
  func add(to accounts: inout BufferAccounts) {
    ledger.add(to: &accounts)
    accounts.addInFlight(parting)
  }

  /// Bytes of one region that the queue has.
  func byteCount(of region: RegionID) -> Int { ledger.byteCount(of: region) + parting.byteCount(of: region) }
}
