internal import CleanQ
internal import Synchronization

extension VirtioNetDevice {
  /// How often a port asks for the state of the link.
  static let linkLookMilliseconds: UInt64 = 500

  /// Whether the link is up, where the device says so; else true. § 5.1.4.1
  ///
  /// Waits for a device that is another process.
  public var isLinkUp: Bool {
    guard features.contains(.status),
      let bytes = try? transport.readConfiguration(offset: Self.statusOffset, byteCount: 2)
    else { return true }
    return bytes[0] & 1 != 0
  }

  /// § 5.1.4
  private static var statusOffset: Int { 6 }

  /// How often the link went down.
  var linkDownCount: UInt64 { linkDowns.load(ordering: .relaxed) }

  /// Looks whether the link is up, where the transport waits for its device; says and counts where that has changed. Does not
  /// wait for a device that is another process.
  ///
  /// A device tells of changes by an interrupt, or by a message that needs a second connection; asking twice a second does for both.
  func lookAtLink() {
    guard isRunning.load(ordering: .relaxed), !isLooking.exchange(true, ordering: .relaxed) else { return }
    transport.perform {
      if self.isRunning.load(ordering: .relaxed) {
        let isUp = self.isLinkUp
        if self.wasLinkUp.exchange(isUp, ordering: .relaxed) != isUp {
          if !isUp { self.linkDowns.add(1, ordering: .relaxed) }
          self.notices.linkChanged(of: self.transport.name, isUp: isUp)
        }
      }
      self.isLooking.store(false, ordering: .relaxed)
    }
  }
}
