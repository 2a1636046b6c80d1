"""Frames made by scapy, and the means to spoil one field and set the rest right again."""

import logging
import struct

logging.getLogger("scapy").setLevel(logging.ERROR)
from scapy.layers.inet import ICMP, IP, UDP  # noqa: E402
from scapy.layers.l2 import ARP, Ether  # noqa: E402
from scapy.packet import Raw  # noqa: E402

from harness import KERNEL, STACK  # noqa: E402

SINK_PORT = 4000  # a socket of the kernel's is bound here, so that answers to spoilt frames meet no closed port
ETH, IP4, ARP_REQUEST, ARP_REPLY = 14, 14, 1, 2
VERSION, LENGTH, ID, FLAGS, TTL, PROTOCOL, SUM, SRC, DST = (ETH + n for n in (0, 2, 4, 6, 8, 9, 10, 12, 16))
L4 = ETH + 20
UDP_LENGTH, UDP_SUM = L4 + 4, L4 + 6


def checksum(data):
    """RFC 1071, written a second time here on purpose: neither scapy's nor ours."""
    total = sum(struct.unpack(f"!{len(data) // 2}H", data[:len(data) & ~1])) + (data[-1] << 8 if len(data) & 1 else 0)
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF


def put(frame, place, value, size=None):
    """The frame with bytes, or a big-endian number of `size` bytes, written over `place`."""
    value = value if isinstance(value, bytes) else value.to_bytes(size, "big")
    return frame[:place] + value + frame[place + len(value):]


def ip_sum(frame):
    """Sets the IP header's checksum right, as far as the header is there."""
    header = max(20, (frame[ETH] & 15) * 4)
    frame = put(frame, SUM, 0, 2)
    return put(frame, SUM, checksum(frame[ETH:ETH + header]), 2)


def with_ip(frame, place, value, size=None):
    return ip_sum(put(frame, place, value, size))


def udp_sum(frame, length=None):
    """Sets the UDP checksum right for a header of 20 bytes and a datagram of `length` bytes (as its own field says)."""
    length = struct.unpack_from("!H", frame, UDP_LENGTH)[0] if length is None else length
    frame = put(frame, UDP_SUM, 0, 2)
    pseudo = frame[SRC:SRC + 8] + struct.pack("!BBH", 0, 17, length)
    return put(frame, UDP_SUM, checksum(pseudo + frame[L4:L4 + length]) or 0xFFFF, 2)


def icmp_sum(frame):
    return put(frame, L4 + 2, checksum(put(frame, L4 + 2, 0, 2)[L4:]), 2)


class Builder:
    """Good frames from the kernel to the stack; every spoilt one starts here."""

    def __init__(self, kernel_mac, stack_mac):
        self.kernel_mac, self.stack_mac = kernel_mac, stack_mac
        self.ether = Ether(src=kernel_mac, dst=stack_mac)
        self.kernel_bytes, self.stack_bytes = (bytes.fromhex(m.replace(":", "")) for m in (kernel_mac, stack_mac))
        self.sources = bytes(map(int, KERNEL.split("."))), bytes(map(int, STACK.split(".")))

    def raw(self, ethertype, payload, dst=None, src=None):
        return (dst or self.stack_bytes) + (src or self.kernel_bytes) + struct.pack("!H", ethertype) + payload

    def udp(self, payload, port=7, options=(), **fields):
        return bytes(self.ether / IP(src=KERNEL, dst=STACK, options=list(options), **fields)
                     / UDP(sport=SINK_PORT, dport=port) / Raw(payload))

    def icmp(self, payload, **fields):
        return bytes(self.ether / IP(src=KERNEL, dst=STACK) / ICMP(**fields) / Raw(payload))

    def ip(self, protocol, payload, **fields):
        return bytes(self.ether / IP(src=KERNEL, dst=STACK, proto=protocol, **fields) / Raw(payload))

    def arp(self, **fields):
        """An ARP request of the kernel's for the stack; `trailer` bytes follow it."""
        trailer = fields.pop("trailer", b"")
        defaults = dict(op=ARP_REQUEST, hwsrc=self.kernel_mac, psrc=KERNEL, pdst=STACK, hwdst="00:00:00:00:00:00")
        return bytes(self.ether / ARP(**{**defaults, **fields})) + trailer
