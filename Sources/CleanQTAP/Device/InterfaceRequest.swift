internal import CPlatform
internal import CleanQWire
internal import Glibc

/// The argument of the ioctls about a network device: its name and one value.
///
/// Source: netdevice(7).
@safe
struct InterfaceRequest {
  private var raw: ifreq

  init(name: String) {
    unsafe raw = ifreq()
    // SAFETY: the bytes of a local variable; one is left zero behind the name.
    unsafe withUnsafeMutableBytes(of: &raw.ifr_ifrn) { field in
      for (index, byte) in name.utf8.prefix(TAPName.maximumByteCount).enumerated() { unsafe field[index] = byte }
    }
  }

  // SAFETY, for every access below: members of a union of plain data, each of which any bits are a value of.

  var flags: Int16 {
    get { unsafe raw.ifr_ifru.ifru_flags }
    set { unsafe raw.ifr_ifru.ifru_flags = newValue }
  }

  var mtu: Int32 {
    get { unsafe raw.ifr_ifru.ifru_mtu }
    set { unsafe raw.ifr_ifru.ifru_mtu = newValue }
  }

  /// The value as a `sockaddr` of type Ethernet.
  var hardwareAddress: MACAddress {
    get {
      var number: UInt64 = 0
      unsafe withUnsafeBytes(of: raw.ifr_ifru.ifru_hwaddr.sa_data) { field in
        for index in 0..<MACAddress.byteCount { unsafe number = number << 8 | UInt64(field[index]) }
      }
      return MACAddress(rawValue: number)
    }
    set {
      unsafe raw.ifr_ifru.ifru_hwaddr.sa_family = sa_family_t(1)  // ARPHRD_ETHER, linux/if_arp.h
      unsafe withUnsafeMutableBytes(of: &raw.ifr_ifru.ifru_hwaddr.sa_data) { field in
        for index in 0..<MACAddress.byteCount {
          unsafe field[index] = UInt8(truncatingIfNeeded: newValue.rawValue >> UInt64(40 - 8 * index))
        }
      }
    }
  }

  /// Asks or tells the kernel; what it answers is in this value then.
  ///
  /// - Returns: nil when it is done, else the error number.
  mutating func perform(_ request: UInt, on file: Int32) -> Int32? {
    // SAFETY: these requests read and write one ifreq.
    unsafe cplatform_ioctl_pointer(file, request, &raw) == 0 ? nil : errno
  }
}
