/// Frames and packets made by scapy 2.5.0 (`apt install python3-scapy`), which wrote every length and checksum:
///
/// ```python
/// from scapy.all import *
/// a, b = '02:00:00:00:00:01', '02:00:00:00:00:02'
/// ip = lambda **k: IP(src='10.0.0.1', dst='10.0.0.2', **k)
/// udp = Ether(src=a, dst=b) / ip(id=0x1234, flags='DF') / UDP(sport=40000, dport=7) / b'hello, queue'
/// quote = bytes(udp)[14:42]
/// for packet in [
///     udp,
///     Ether(src=a, dst=b) / IP(src='192.168.1.77', dst='8.8.8.8', id=1, tos=0xb9, ttl=3) / UDP(sport=53, dport=65535) / b'odd',
///     ip(id=0) / UDP(sport=1, dport=2) / bytes.fromhex('ebd4'),
///     ICMP(type=8, id=0xbeef, seq=3) / bytes(range(16)),
///     ICMP(type=0, id=0xbeef, seq=3) / bytes(range(16)),
///     ICMP(type=3, code=3) / quote,
///     ICMP(type=3, code=4, nexthopmtu=1400) / quote,
///     Ether(src=a, dst='ff:ff:ff:ff:ff:ff') / ARP(op=1, hwsrc=a, psrc='10.0.0.1', hwdst='00:00:00:00:00:00', pdst='10.0.0.2'),
///     Ether(src=b, dst=a) / ARP(op=2, hwsrc=b, psrc='10.0.0.2', hwdst=a, pdst='10.0.0.1'),
///     ip(id=9, options=[IPOption_RR(routers=['0.0.0.0', '0.0.0.0'])], proto=17) / b'\xaa\xbb',
///     *fragment(ip(id=0x4242) / UDP(sport=1, dport=2) / bytes(40), fragsize=24),
/// ]:
///     print(bytes(packet).hex())
/// ```
enum Golden {
  /// Ethernet, IPv4 (DF, identification 0x1234), UDP 40000 → 7, "hello, queue".
  static let udpFrame = hex(
    """
    020000000002020000000001 0800 45000028123440004011148f0a0000010a000002
    9c40000700140042 68656c6c6f2c207175657565
    """.filter { !$0.isNewline })
  /// Ethernet, IPv4 (TOS 0xb9, TTL 3), UDP 53 → 65535, three bytes "odd".
  static let oddUDPFrame = hex(
    "0200000000020200000000010800 45b9001f000100000311e50fc0a8014d08080808 0035ffff000b5a39 6f6464")
  /// UDP 1 → 2 from 10.0.0.1 to 10.0.0.2 whose sum is 0, sent as 0xFFFF.
  static let allOnesUDPPacket = hex("4500001e00000000401166cd0a0000010a000002 00010002000affff ebd4")
  static let echoRequest = hex("080000cdbeef0003 000102030405060708090a0b0c0d0e0f")
  static let echoReply = hex("000008cdbeef0003 000102030405060708090a0b0c0d0e0f")
  /// Type 3, code 3 about `udpFrame`: its IP header and 8 bytes more.
  static let portUnreachable = hex("0303605f00000000 45000028123440004011148f0a0000010a000002 9c40000700140042")
  /// Type 3, code 4, next-hop MTU 1400, about the same.
  static let fragmentationNeeded = hex("03045ae600000578 45000028123440004011148f0a0000010a000002 9c40000700140042")
  static let arpRequestFrame = hex(
    "ffffffffffff0200000000010806 0001080006040001 0200000000010a000001 0000000000000a000002")
  static let arpReplyFrame = hex(
    "0200000000010200000000020806 0001080006040002 0200000000020a000002 0200000000010a000001")
  /// A record-route option makes this header 32 bytes; two bytes of payload.
  static let optionsPacket = hex("4800002200090000401158b50a0000010a000002 070b04000000000000000000 aabb")
  static let firstFragment = hex("4500002c424220004011047d0a0000010a000002 0001000200 30eb88") + zeros(16)
  static let lastFragment = hex("4500002c424200034011247a0a0000010a000002") + zeros(24)
}
