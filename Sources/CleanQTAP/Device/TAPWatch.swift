internal import CleanQ
internal import CleanQPlatform
internal import Glibc

/// Looks at the kernel's side of a TAP device now and then: its MTU, whether it is up, and what the kernel dropped in front of it.
///
/// A look is three system calls, none of which waits for others that change the machine's network, as requests to rtnetlink do. What the
/// kernel dropped is known only where /sys shows the network namespace of the device. Thread-confined; may be sent.
struct TAPWatch: ~Copyable, Sendable {
  /// How often the device is looked at: what changes is said within a second.
  static let intervalMilliseconds: UInt64 = 500

  /// What a look found.
  struct Look: Equatable {
    var mtu: Int
    var isUp: Bool
    /// Frames that the kernel dropped in front of the device since it was opened; nil where that cannot be known.
    var kernelDropCount: UInt64?
  }

  private var name: String
  private let index: UInt32
  /// Any socket of the device's namespace.
  private let requests: OwnedFile
  /// /sys/class/net/NAME/statistics/tx_dropped; none where that is not known.
  private let statistics: OwnedFile
  /// What the counter showed when the device was opened.
  private var before: UInt64 = 0

  /// Watches the device from now on; one of the same name and number in another namespace is told from it by its Ethernet address.
  init(name: String, index: UInt32) {
    self.name = name
    self.index = index
    requests = OwnedFile.deviceRequests() ?? .none
    statistics = Self.openStatistics(name: name, index: index, socket: requests.number) ?? .none
    before = kernelDropCount ?? 0
  }

  /// - Returns: nil if the device has left this namespace.
  /// - Complexity: three system calls.
  mutating func look() -> Look? {
    guard let first = request(SIOCGIFFLAGS) ?? afterRename(), let second = request(SIOCGIFMTU) else { return nil }
    return Look(
      mtu: Int(second.mtu), isUp: first.flags & Int16(IFF_UP) != 0,
      kernelDropCount: kernelDropCount.map { $0 >= before ? $0 - before : 0 })
  }

  private func request(_ number: Int32) -> InterfaceRequest? {
    var request = InterfaceRequest(name: name)
    return request.perform(UInt(number), on: requests.number) == nil ? request : nil
  }

  /// Finds the device under another name.
  private mutating func afterRename() -> InterfaceRequest? {
    var bytes = [CChar](repeating: 0, count: Int(IF_NAMESIZE))
    // SAFETY: the array is as long as a name can be.
    guard unsafe if_indextoname(index, &bytes) != nil else { return nil }
    name = String(decoding: bytes.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
    return request(SIOCGIFFLAGS)
  }

  private var kernelDropCount: UInt64? { Self.number(in: statistics.number) }

  /// Opens the counter, where /sys is about the namespace of the socket.
  private static func openStatistics(name: String, index: UInt32, socket: Int32) -> OwnedFile? {
    let folder = "/sys/class/net/\(name)"
    var request = InterfaceRequest(name: name)
    guard request.perform(UInt(SIOCGIFHWADDR), on: socket) == nil else { return nil }
    let isSame =
      text(of: folder + "/ifindex") == String(index) && text(of: folder + "/address") == "\(request.macAddress)"
    return isSame ? OwnedFile(path: folder + "/statistics/tx_dropped", flags: O_RDONLY) : nil
  }

  /// The first line of a short file.
  private static func text(of path: String) -> String? {
    guard let file = OwnedFile(path: path, flags: O_RDONLY) else { return nil }
    var bytes = [UInt8](repeating: 0, count: 64)
    // SAFETY: the array is alive for the call and its count is passed with it.
    let count = unsafe read(file.number, &bytes, bytes.count)
    return count > 0 ? String(decoding: bytes[..<count].prefix { $0 != UInt8(ascii: "\n") }, as: UTF8.self) : nil
  }

  /// The number that a file of /sys shows now.
  private static func number(in file: Int32) -> UInt64? {
    var bytes: InlineArray<24, UInt8> = .init(repeating: 0)
    // SAFETY: a local variable of 24 bytes.
    let count = unsafe withUnsafeMutableBytes(of: &bytes) { unsafe pread(file, $0.baseAddress, $0.count, 0) }
    guard count > 0 else { return nil }
    var number: UInt64 = 0
    for index in 0..<min(count, 24) {
      guard (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(bytes[index]) else { break }
      number = number &* 10 &+ UInt64(bytes[index] - UInt8(ascii: "0"))
    }
    return number
  }
}
