internal import CPlatform
internal import CleanQ
internal import CleanQWire
internal import Glibc

/// The control queue, for whoever need not know the kind of its ring. Source: [virtio 1.2 § 5.1.6.5 Control Virtqueue].
protocol VirtioNetControl: AnyObject {
  /// Sends one command and waits for the device's answer.
  ///
  /// - Throws: `refused` where the device says no, or nothing in time; `broken` where it says something impossible.
  func command(_ command: VirtioNetCommand) throws(VirtioError)
}

/// What can be asked of the control queue.
struct VirtioNetCommand {
  let what: String
  let kind: UInt8
  let number: UInt8
  let payload: [UInt8]

  /// `VIRTIO_NET_CTRL_RX_PROMISC`. § 5.1.6.5.1
  static func promiscuous(_ isOn: Bool) -> VirtioNetCommand {
    VirtioNetCommand(what: "the promiscuous mode", kind: 0, number: 0, payload: [isOn ? 1 : 0])
  }

  /// `VIRTIO_NET_CTRL_MAC_ADDR_SET`. § 5.1.6.5.2
  static func address(_ address: MACAddress) -> VirtioNetCommand {
    let octets = (0..<6).map { UInt8(truncatingIfNeeded: address.rawValue >> UInt64(40 - 8 * $0)) }
    return VirtioNetCommand(what: "the address \(address)", kind: 1, number: 1, payload: octets)
  }

  /// `VIRTIO_NET_CTRL_MQ_VQ_PAIRS_SET`. § 5.1.6.5.5
  static func queuePairs(_ count: Int) -> VirtioNetCommand {
    VirtioNetCommand(what: "\(count) queue pairs", kind: 4, number: 0, payload: little(count, 2))
  }

  /// `VIRTIO_NET_CTRL_MQ_RSS_CONFIG`, which also enables the queue pairs. § 5.1.6.5.7
  ///
  /// - Parameters:
  ///   - hashTypes: what the device can hash over.
  ///   - tableByteCount: the longest table, a power of two of entries.
  static func receiveSideScaling(
    over pairCount: Int, hashTypes: UInt32, tableLimit: Int, keyByteCount: Int
  ) -> VirtioNetCommand {
    var length = 1
    while length * 2 <= min(tableLimit, 128) { length *= 2 }
    var payload = little(Int(hashTypes), 4) + little(length - 1, 2) + little(0, 2)
    // Receive queue n is said as n: the index of the virtqueue over two.
    for entry in 0..<length { payload += little(entry % pairCount, 2) }
    payload += little(pairCount, 2) + [UInt8(keyByteCount)]
    payload += (0..<keyByteCount).map { key[$0 % key.count] }
    return VirtioNetCommand(what: "receive-side scaling", kind: 4, number: 1, payload: payload)
  }

  /// The key of Microsoft's description of RSS, which tests of hashes use.
  private static let key: [UInt8] = [
    0x6D, 0x5A, 0x56, 0xDA, 0x25, 0x5B, 0x0E, 0xC2, 0x41, 0x67, 0x25, 0x3D, 0x43, 0xA3, 0x8F, 0xB0, 0xD0, 0xCA, 0x2B,
    0xCB, 0xAE, 0x7B, 0x30, 0xB4, 0x77, 0xCB, 0x2D, 0xA3, 0x80, 0x30, 0xF2, 0x0C, 0x6A, 0x42, 0xB7, 0x3B, 0xBE, 0xAC,
    0x01, 0xFA,
  ]

  private static func little(_ value: Int, _ byteCount: Int) -> [UInt8] {
    (0..<byteCount).map { UInt8(truncatingIfNeeded: value >> (8 * $0)) }
  }
}

/// The control queue over one kind of ring. One command at a time, behind the device's lock.
final class VirtioNetControlQueue<Ring: VirtqueueRing>: VirtioNetControl {
  private static var timeoutNanoseconds: UInt64 { 1_000_000_000 }
  private static var size: Int { 2 }
  private static var commandByteCount: Int { 1024 }

  private let transport: any VirtioTransport
  private let area: VirtqueueArea
  private var ring: Ring
  private let notifier: VirtqueueNotifier
  private var memory: Buffer
  private let base: UInt64

  init(_ transport: any VirtioTransport, index: Int) throws(VirtioError) {
    self.transport = transport
    let shared = try VirtqueueMemory(
      transport, byteCount: VirtqueueArea.byteCount(size: Self.size) + Self.commandByteCount)
    let area = try VirtqueueArea(shared, size: Self.size, isPacked: Ring.isPacked)
    ring = Ring(area, usesEventIndex: false)
    ring.disableCalls()
    memory = try shared.take(Self.commandByteCount)
    base = shared.deviceAddress(of: memory)
    notifier = try transport.startQueue(index, area.layout)
    self.area = area
  }

  func command(_ command: VirtioNetCommand) throws(VirtioError) {
    let bytes = [command.kind, command.number] + command.payload + [0xFF]
    guard memory.fill(from: bytes.span, headroom: 0) else {
      throw VirtioError(.unsupported, context: "\(transport.name): the command for \(command.what) is too long")
    }
    // Two descriptors: what the device reads, and one byte that it writes. § 5.1.6.5
    ring.write(
      address: base, byteCount: UInt32(bytes.count - 1), marks: DescriptorMark.next, id: 0, next: 1, head: 0)
    ring.write(
      address: base + UInt64(bytes.count - 1), byteCount: 1, marks: DescriptorMark.write, id: 1, next: 0, head: 0)
    ring.endChain(head: 0)
    ring.publish()
    // No fence, no asking: the device may be asleep, and one notification too many costs nothing here.
    _ = ring.wantsKick()
    notifier.notify()
    try wait(for: command)
    // SAFETY: the last byte of the command, inside the buffer.
    guard unsafe cplatform_fetch_8(memory.address + bytes.count - 1) == 0 else {
      throw VirtioError(.refused, context: "\(transport.name): the device refused \(command.what)")
    }
  }

  private func wait(for command: VirtioNetCommand) throws(VirtioError) {
    let start = MonotonicTime.now.nanoseconds
    while true {
      switch ring.nextUsed(outstanding: 1) {
      case .element(let id, let byteCount):
        ring.pass(chainCount: 1, descriptorCount: 2)
        guard id == 0, byteCount <= 1 else {
          throw VirtioError(.broken, context: "\(transport.name): the device answered a command that was not sent")
        }
        return
      case .indexJump:
        throw VirtioError(.broken, context: "\(transport.name): the device answered more commands than were sent")
      case .none: break
      }
      guard transport.isPresent, MonotonicTime.now.nanoseconds &- start < Self.timeoutNanoseconds else {
        throw VirtioError(.refused, context: "\(transport.name): the device did not answer about \(command.what)")
      }
      usleep(50)
    }
  }
}
