internal import CPlatform
internal import Glibc

/// The argument of the ioctls about a network device: its name and one value.
///
/// Source: netdevice(7).
@safe
package struct InterfaceRequest {
  private static var addressByteCount: Int { 6 }

  private var raw: ifreq

  package init(name: String) {
    unsafe raw = ifreq()
    // SAFETY: the bytes of a local variable; one is left zero behind the name.
    unsafe withUnsafeMutableBytes(of: &raw.ifr_ifrn) { field in
      for (index, byte) in name.utf8.prefix(Int(IF_NAMESIZE) - 1).enumerated() { unsafe field[index] = byte }
    }
  }

  // SAFETY, for every access below: members of a union of plain data, each of which any bits are a value of.

  package var flags: Int16 {
    get { unsafe raw.ifr_ifru.ifru_flags }
    set { unsafe raw.ifr_ifru.ifru_flags = newValue }
  }

  package var mtu: Int32 {
    get { unsafe raw.ifr_ifru.ifru_mtu }
    set { unsafe raw.ifr_ifru.ifru_mtu = newValue }
  }

  /// The low 48 bits of a `sockaddr` of type Ethernet.
  package var hardwareAddress: UInt64 {
    get {
      var number: UInt64 = 0
      unsafe withUnsafeBytes(of: raw.ifr_ifru.ifru_hwaddr.sa_data) { field in
        for index in 0..<Self.addressByteCount { unsafe number = number << 8 | UInt64(field[index]) }
      }
      return number
    }
    set {
      unsafe raw.ifr_ifru.ifru_hwaddr.sa_family = sa_family_t(1)  // ARPHRD_ETHER, linux/if_arp.h
      unsafe withUnsafeMutableBytes(of: &raw.ifr_ifru.ifru_hwaddr.sa_data) { field in
        for index in 0..<Self.addressByteCount {
          unsafe field[index] = UInt8(truncatingIfNeeded: newValue >> UInt64(40 - 8 * index))
        }
      }
    }
  }

  /// Asks or tells the kernel; what it answers is in this value then.
  ///
  /// - Returns: nil when it is done, else the error number.
  package mutating func perform(_ request: UInt, on file: Int32) -> Int32? {
    // SAFETY: these requests read and write one ifreq.
    unsafe cplatform_ioctl_pointer(file, request, &raw) == 0 ? nil : errno
  }
}
