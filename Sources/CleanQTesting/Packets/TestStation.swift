public import CleanQWire

/// A station on an Ethernet link, and the frames that it sends. Sendable.
///
/// ``peer`` sends to ``host``, as whom the stack under test is configured:
///
/// ```swift
/// wire.put(TestStation.peer.datagram([1, 2, 3], port: 7))
/// ```
public struct TestStation: Sendable, Hashable {
  /// Its address on the link.
  public var hardware: MACAddress
  /// Its address on the network.
  public var address: IPv4Address

  public init(_ hardware: MACAddress, _ address: IPv4Address) {
    self.hardware = hardware
    self.address = address
  }

  /// 10.0.0.2, with the Ethernet address that the stage `ip` makes from that.
  public static let host = TestStation(MACAddress(2, 0, 10, 0, 0, 2), IPv4Address(10, 0, 0, 2))
  /// 10.0.0.1, its neighbour.
  public static let peer = TestStation(MACAddress(2, 0, 10, 0, 0, 1), IPv4Address(10, 0, 0, 1))

  /// A frame.
  public func frame(_ payload: [UInt8], type: EtherType, to station: TestStation = .host) -> [UInt8] {
    EthernetHeader(destination: station.hardware, source: hardware, etherType: type).followed(by: payload)
  }

  /// An IPv4 packet in a frame.
  public func packet(
    _ payload: [UInt8], protocol number: IPProtocol, timeToLive: UInt8 = 64, to station: TestStation = .host
  ) -> [UInt8] {
    let header = IPv4Header(
      source: address, destination: station.address, protocol: number, payloadByteCount: payload.count, ttl: timeToLive)
    return frame(header.followed(by: payload), type: .ipv4, to: station)
  }

  /// A UDP datagram in a packet in a frame.
  ///
  /// - Parameters:
  ///   - port: the port that it is for.
  ///   - sourcePort: the port that it is from.
  public func datagram(
    _ payload: [UInt8], port: UInt16, from sourcePort: UInt16 = 40_000, to station: TestStation = .host
  ) -> [UInt8] {
    let header = UDPHeader(sourcePort: sourcePort, destinationPort: port, payloadByteCount: payload.count)
    let datagram = header.followed(by: payload, source: address, destination: station.address)
    return packet(datagram, protocol: .udp, to: station)
  }

  /// An ICMP echo request in a packet in a frame.
  public func ping(
    _ data: [UInt8] = [9, 8, 7], identifier: UInt16 = 1, sequence: UInt16 = 1, to station: TestStation = .host
  ) -> [UInt8] {
    let message = ICMPv4Message.echoRequest(identifier: identifier, sequence: sequence)
    return packet(message.followed(by: data), protocol: .icmp, to: station)
  }

  /// An ARP request for an address, broadcast.
  public func arpRequest(for target: IPv4Address = TestStation.host.address) -> [UInt8] {
    let everybody = TestStation(.broadcast, .limitedBroadcast)
    return frame(ARPPacket.request(for: target, from: hardware, address).array, type: .arp, to: everybody)
  }

  /// The ARP reply to a station that has asked for this one.
  public func arpReply(to station: TestStation = .host) -> [UInt8] {
    let request = ARPPacket.request(for: address, from: station.hardware, station.address)
    return frame(request.reply(from: hardware).array, type: .arp, to: station)
  }
}
