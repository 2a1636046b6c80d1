internal import CPlatform
internal import CleanQ
internal import CleanQPlatform
internal import Glibc

/// An open file of /dev/net/tun, and once it is attached the TAP device that it stands for.
///
/// The file never blocks. A device that is not persistent goes when the file is closed. Thread-confined; may be sent.
///
/// Source: Linux Documentation/networking/tuntap.rst.
struct TAPDevice: ~Copyable, Sendable {
  static let path = "/dev/net/tun"

  let name: String
  private let opened: OwnedFile

  /// The file's descriptor, which stays this value's.
  var file: Int32 { opened.number }

  /// Opens the file; there is no device yet.
  ///
  /// - Throws: there is no such file, or no permission for it.
  init(name: String) throws(TAPError) {
    self.name = name
    guard let file = OwnedFile(path: Self.path, flags: O_RDWR | O_NONBLOCK) else {
      throw Self.cannotOpen(name, errno: errno)
    }
    opened = file
  }

  /// The kernel's number for the network device of this name; 0 where there is none.
  var index: UInt32 {
    // SAFETY: the name is a string that lives through the call.
    unsafe if_nametoindex(name)
  }

  /// How long a device may be busy. A process that was killed lets go of its io_uring, and with it of the device, some
  /// time after it is gone.
  private static var patienceMilliseconds: UInt64 { 500 }

  /// Makes the device, or takes hold of one that exists.
  ///
  /// - Returns: whether the kernel takes segments of UDP; not where they were not asked for.
  /// - Throws: no permission, another process has it, the name belongs to something else.
  func attach(offload: Bool) throws(TAPError) -> Bool {
    var request = InterfaceRequest(name: name)
    // One frame per read and write, with a header of the driver's own only where that is to say more than nothing.
    request.flags = Int16(IFF_TAP | IFF_NO_PI) | (offload ? CPLATFORM_IFF_VNET_HDR : 0)
    let patience = MonotonicTime.now.advanced(byMilliseconds: Self.patienceMilliseconds)
    var failure = request.perform(CPLATFORM_TUNSETIFF, on: file)
    while failure == EBUSY, MonotonicTime.now < patience {
      usleep(5000)
      failure = request.perform(CPLATFORM_TUNSETIFF, on: file)
    }
    if let number = failure {
      throw Self.cannotAttach(name, errno: number)
    }
    if offload { try setHeader() }
    // A driver that accepts segments is recognised by its permission to pass them.
    let takesSegments = offload && setOffload(CPLATFORM_TUN_UDP_SEGMENTS)
    // A device that another program used may have been told that checksums and segments can be left to the reader.
    guard setOffload(0) else { throw Self.cannotAttach(name, errno: errno) }
    return takesSegments
  }

  /// Says what the kernel may leave to the reader.
  ///
  /// - Returns: false where the driver knows no such thing; `errno` says more.
  private func setOffload(_ what: UInt) -> Bool { cplatform_ioctl_value(file, CPLATFORM_TUNSETOFFLOAD, what) == 0 }

  /// Makes sure of the header's length, which another program may have changed.
  private func setHeader() throws(TAPError) {
    var byteCount = Int32(DriverHeader.byteCount)
    // SAFETY: the kernel reads an int, which lives through the call.
    let isSet = unsafe cplatform_ioctl_pointer(file, CPLATFORM_TUNSETVNETHDRSZ, &byteCount) == 0
    guard isSet else { throw Self.cannotAttach(name, errno: errno) }
  }

  /// Says whether the device outlives the file.
  ///
  /// - Returns: nil when it is done, else the error number.
  static func setPersistent(_ isPersistent: Bool, file: Int32) -> Int32? {
    cplatform_ioctl_value(file, CPLATFORM_TUNSETPERSIST, isPersistent ? 1 : 0) == 0 ? nil : errno
  }
}

extension TAPDevice {
  /// A device is only to be attached to and does not exist.
  static func missing(_ name: String) -> TAPError {
    TAPError(.missing, name, "there is no device \(name)", errno: ENODEV)
  }

  /// What to say where a name belongs to something that cannot be attached to, as it reads after a colon.
  private static func unusable(_ name: String) -> String {
    guard let link = NetworkLink.all().first(where: { $0.name == name }) else {
      return "\(name) is not a TAP device; choose another name"
    }
    if link.isTAP {
      return "\(name) has several queues, which is not supported yet; choose another device"
    }
    let kind = link.kind == "tun" ? "a TUN device, which carries no Ethernet" : "not a TAP device"
    return "\(name) is \(kind); only TAP devices are supported"
  }

  private static func cannotOpen(_ name: String, errno number: Int32) -> TAPError {
    let what =
      switch number {
      case ENOENT, ENODEV, ENXIO:
        "there is no \(path); load the driver with \"modprobe tun\", or give the container the device"
      case EACCES, EPERM:
        "no permission to open \(path); run as root or let the user read and write it"
      default: "cannot open \(path): \(systemErrorText(number))"
      }
    return TAPError(.system, name, what, errno: number)
  }

  private static func cannotAttach(_ name: String, errno number: Int32) -> TAPError {
    let what =
      switch number {
      case EPERM, EACCES:
        "no permission to create or use the device; run as root or with CAP_NET_ADMIN, or have it created for this user "
          + "with \"ip tuntap add \(name) mode tap user NAME\" and \"ip link set \(name) up\""
      case EBUSY: "the device is busy: another process or stage uses it; end that one or choose another name"
      case EINVAL, EEXIST: unusable(name)
      default: "cannot attach to the device: \(systemErrorText(number))"
      }
    return TAPError(.system, name, what, errno: number)
  }
}
