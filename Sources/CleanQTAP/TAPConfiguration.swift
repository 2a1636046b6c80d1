public import CleanQWire

/// What a TAP device is to be like. Sendable.
public struct TAPConfiguration: Sendable, Hashable {
  /// How frames pass between the process and the kernel.
  public enum IO: String, Sendable, Hashable, CaseIterable {
    /// io_uring where the kernel lets the process have it, else read and write: ``TAPEvent/withoutUring(reason:)``.
    case auto
    /// io_uring or nothing: one system call per burst.
    case uring
    /// One system call per frame.
    case readWrite = "readwrite"
  }

  /// The device's name, 1 to 15 bytes.
  public var name: String
  /// An address for the kernel's side, beside those that it has; nil leaves it as it is. It goes at the end unless it was there before,
  /// as do the next two settings in a device that was there before.
  public var address: IPv4Prefix?
  /// The Ethernet address of the kernel's side; nil leaves it as it is, random in a device that is made.
  public var mac: MACAddress?
  /// The most bytes of an IP packet on the link; nil leaves it as it is, 1500 in a device that is made.
  public var mtu: Int?
  /// Whether a device that is made stays when the port goes. One that was there before always does.
  public var persistent = false
  /// Whether the device is made where it does not exist; else that is an error.
  public var create = true
  public var io = IO.auto
  /// Whether UDP datagrams of one flow that are sent together go to the kernel as one frame, which it takes apart again.
  ///
  /// The kernel then does for many what it does for each, until a socket wants them. A program that watches the device, as tcpdump
  /// does, sees frames longer than the MTU, as with a card that joins what it receives. Before Linux 6.2 each goes alone:
  /// ``TAPEvent/withoutSegmentation``.
  public var offload = true

  public init(_ name: String) { self.name = name }

  /// What an MTU can be. Source: RFC 791 § 3.2 for the least; Linux drivers/net/tun.c, `tun_net_initialize`, for the most.
  public static let mtuRange = 68...65_521
}

extension TAPConfiguration {
  /// What is wrong with the text of an address, as it reads after a colon; nil when nothing is.
  public static func diagnostic(aboutAddress text: String) -> String? {
    do throws(IPv4Prefix.ParseError) {
      return diagnostic(about: try IPv4Prefix(text))
    } catch {
      return error.description
    }
  }

  /// What is wrong with a prefix as the address of an interface, as it reads after a colon; nil when nothing is.
  static func diagnostic(about prefix: IPv4Prefix) -> String? {
    let address = prefix.address
    let isHost = !address.isUnspecified && !address.isMulticast && !address.isClassE
    return isHost ? nil : "\(address) is not a host address; write one as in 10.0.0.1/24"
  }

  /// What is wrong with the text of an Ethernet address, as it reads after a colon; nil when nothing is.
  public static func diagnostic(aboutMAC text: String) -> String? {
    guard let mac = MACAddress(text) else {
      return "an Ethernet address is six pairs of hexadecimal digits with colons, as in 02:00:00:00:00:01"
    }
    return diagnostic(about: mac)
  }

  /// What is wrong with an Ethernet address as that of a device, as it reads after a colon; nil when nothing is.
  static func diagnostic(about mac: MACAddress) -> String? {
    mac.isUnicast ? nil : "\(mac) is not a unicast address; write one as in 02:00:00:00:00:01"
  }

  /// What is wrong with the name of a device and what to do, as it reads after a colon; nil when nothing is.
  public static func diagnostic(aboutName name: String) -> String? { TAPName.diagnostic(about: name) }
}
