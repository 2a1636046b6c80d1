import CleanQ
import Testing
import TestSupport

@testable import CleanQVirtio

/// One way in which driver and device can agree.
struct Variant: Sendable, CustomTestStringConvertible {
  var features: VirtioFeatures

  static let basic: VirtioFeatures = [.version1, .mac, .status, .mtu, .guestChecksum]

  /// Split and packed, in order or not, event index or not, mergeable or not.
  static let all: [Variant] = (0..<16).map { number in
    var features = basic
    for (bit, feature) in [VirtioFeatures.ringPacked, .inOrder, .eventIndex, .mergeableReceiveBuffers].enumerated()
    where number & 1 << bit != 0 { features.insert(feature) }
    return Variant(features: features)
  }

  /// Split and packed.
  static let rings: [Variant] = [Variant(features: basic), Variant(features: basic.union(.ringPacked))]

  var isPacked: Bool { features.contains(.ringPacked) }

  var testDescription: String { features.subtracting(Self.basic).description }
}

/// Expects two values to be the same. For calls that change something, which `#expect` does not take.
func same<Value: Equatable>(
  _ found: Value, _ wanted: Value, _ comment: Comment? = nil, sourceLocation: SourceLocation = #_sourceLocation
) {
  #expect(found == wanted, comment, sourceLocation: sourceLocation)
}

extension Buffer {
  func append(to list: inout [UInt8]) { for index in 0..<validByteCount { list.append(bytes[index]) } }
}

/// A port on a model device, a region, and buffers.
struct Rig: ~Copyable {
  let model: ModelDevice
  let device: VirtioNetDevice
  var port: VirtioNetPort
  let region: Region
  /// What was logged.
  let log = Log()

  static let bufferByteCount = 2048

  init(_ variant: Variant, queueSize: Int = 64, _ change: (ModelDevice, inout VirtioNetOptions) -> Void = { _, _ in })
    throws
  {
    let model = ModelDevice(variant.features, queueSize: queueSize)
    var options = VirtioNetOptions()
    options.declined = []
    change(model, &options)
    let device = try VirtioNetDevice(model, options: options, logger: log.logger)
    let region = try Region(byteCount: 512 * Self.bufferByteCount, pages: .ordinary)
    var port = try VirtioNetPort(device)
    try port.register(region)
    self.model = model
    self.device = device
    self.region = region
    self.port = port
  }

  /// A frame of its own: 14 bytes of header and a counted payload.
  static func frame(_ number: Int, byteCount: Int = 64) -> [UInt8] {
    (0..<byteCount).map { $0 < 14 ? UInt8($0 + 1) : UInt8(truncatingIfNeeded: number &* 7 &+ $0 &* 13) }
  }

  func buffer(_ bytes: [UInt8], headroom: Int = Buffer.standardHeadroom, isLast: Bool = true) -> Buffer? {
    guard var buffer = region.buffer(byteCount: Self.bufferByteCount) else { return nil }
    guard buffer.fill(from: bytes.span, headroom: headroom) else { return nil }
    buffer.flags = isLast ? .last : []
    return buffer
  }

  mutating func fill(_ count: Int) -> Int {
    var filled = 0
    var burst = Burst()
    while filled < count {
      while burst.count < min(count - filled, Burst.capacity),
        let buffer = region.buffer(byteCount: Self.bufferByteCount)
      { burst.append(buffer) }
      let before = burst.count
      let refusal = port.fill(&burst)
      filled += before - burst.count
      if refusal != nil || before == 0 { break }
    }
    port.notify()
    burst.releaseAll()
    return filled
  }

  /// Hands over frames, a buffer each. Returns how many were taken.
  mutating func transmit(_ frames: [[UInt8]]) -> Int {
    var taken = 0
    for frame in frames {
      guard let buffer = buffer(frame) else { break }
      var burst = Burst()
      burst.append(buffer)
      let refusal = port.transmit(&burst)
      burst.releaseAll()
      if refusal != nil { break }
      taken += 1
    }
    port.notify()
    return taken
  }

  /// What was received, buffers released; a run counts as one frame.
  mutating func received() -> [[UInt8]] {
    var frames: [[UInt8]] = []
    var frame: [UInt8] = []
    while true {
      var burst = Burst()
      port.receive(into: &burst)
      if burst.isEmpty { break }
      while let buffer = burst.popFirst() {
        buffer.append(to: &frame)
        if buffer.flags.contains(.last) {
          frames.append(frame)
          frame = []
        }
        buffer.release()
      }
    }
    return frames
  }

  /// Takes what was sent. Returns how many buffers there were.
  mutating func completed() -> Int {
    var count = 0
    while true {
      var burst = Burst()
      port.complete(into: &burst)
      if burst.isEmpty { return count }
      count += burst.count
      burst.releaseAll()
    }
  }

  /// The accounts add up: what is not here is in buffers that exist.
  func requireBalance(sourceLocation: SourceLocation = #_sourceLocation) {
    let accounts = port.accounts()
    #expect(
      accounts.inFlightByteCount + accounts.atPeerByteCount == region.liveByteCount, "a buffer was lost or made twice",
      sourceLocation: sourceLocation)
  }

  func count(_ name: String) -> UInt64 {
    let reports = port.report().stages
    let report = reports[0]
    return (report.drops + report.counters).first { $0.name == name }?.value ?? 0
  }
}
