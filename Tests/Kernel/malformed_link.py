"""Ethernet and ARP spoilt, and frames of random bytes."""

import struct

from frames import ARP_REPLY, ETH, LENGTH, PROTOCOL, TTL, put, with_ip
from malformed import ANSWER, DROP, FREE, MAYBE, SHORT, kind, payload


@kind(*SHORT)
def arp_truncated_at_every_byte(b, rng):
    while True:
        for n in range(ETH, ETH + 28):
            yield b.arp()[:n], DROP


@kind()
def arp_fields(b, rng):
    while True:
        for hardware in (0, 2, 6, 256, 0xFFFF):
            yield b.arp(hwtype=hardware), DROP
        for protocol in (0, 0x0801, 0x86DD, 0x0806, 0xFFFF):
            yield b.arp(ptype=protocol), DROP
        for operation in (0, 3, 4, 8, 9, 256, 0xFFFF):
            yield b.arp(op=operation), DROP
        for hardware, protocol in ((0, 4), (5, 4), (7, 4), (255, 4), (6, 0), (6, 3), (6, 16), (6, 255), (8, 8)):
            yield put(b.arp(trailer=bytes(40)), ETH + 4, bytes([hardware, protocol])), DROP


@kind()
def arp_sizes_and_senders(b, rng):
    while True:
        yield b.arp(trailer=rng.randbytes(rng.randint(1, 1400))), ANSWER
        yield b.arp(psrc="0.0.0.0"), ANSWER  # a probe, RFC 5227
        strange = f"02:00:{rng.getrandbits(8):02x}:{rng.getrandbits(8):02x}:00:01"
        yield b.arp(psrc=f"10.0.0.{rng.randint(10, 250)}", hwsrc=strange), ANSWER
        yield b.arp(op=ARP_REPLY, psrc=f"10.0.0.{rng.randint(10, 250)}", hwsrc=strange), FREE
        yield b.arp(pdst="10.0.0.3"), FREE  # asks for somebody else
        for sender in ("10.0.0.2", "255.255.255.255", "224.0.0.1", "10.0.0.255", "127.0.0.1"):
            yield b.arp(psrc=sender), FREE
        for mac in ("ff:ff:ff:ff:ff:ff", "01:00:5e:00:00:01", "00:00:00:00:00:00"):
            yield b.arp(psrc=f"10.0.0.{rng.randint(10, 250)}", hwsrc=mac), FREE


@kind()
def ethertypes(b, rng):
    while True:
        for type_ in (0, 1, 46, 1500, 1501, 0x05FF, 0x0600, 0x0805, 0x0842, 0x6003, 0x86DD, 0x8847, 0x8863, 0x88CC, 0x9000, 0xFFFF):
            yield b.raw(type_, rng.randbytes(rng.randint(0, 200))), DROP
        yield b.raw(0x86DD, b"\x60" + bytes(5) + b"\x3a\xff" + rng.randbytes(60)), DROP


@kind()
def vlan_tagged(b, rng):
    while True:
        inner = b.udp(payload(rng))[12:]
        for type_ in (0x8100, 0x88A8, 0x9100):
            tag = struct.pack("!HH", type_, rng.getrandbits(16) & 0xEFFF | 1)
            yield b.stack_bytes + b.kernel_bytes + tag + inner, DROP
            yield b.stack_bytes + b.kernel_bytes + tag + tag + inner, DROP
            yield b.stack_bytes + b.kernel_bytes + tag[:rng.randint(2, 4)], DROP
        priority = struct.pack("!HH", 0x8100, rng.getrandbits(3) << 13)
        yield b.stack_bytes + b.kernel_bytes + priority + inner, ANSWER
        yield b.stack_bytes + b.kernel_bytes + priority + tag + inner, DROP
        yield b.stack_bytes + b.kernel_bytes + priority, DROP


@kind()
def largest_frames(b, rng):
    while True:
        yield b.udp(rng.randbytes(1472)), ANSWER
        yield b.icmp(rng.randbytes(1472), type=8), ANSWER
        yield with_ip(b.udp(rng.randbytes(1472)), LENGTH, 1501, 2), DROP
        yield b.udp(rng.randbytes(1472))[:1513], DROP
        yield b.raw(0x0800, rng.randbytes(1500)), DROP


@kind(jumbo=True)
def frames_larger_than_a_buffer(b, rng):
    while True:
        for size in (1473, 1600, 2006, 2007, 2008, 2020, 3000, 4054, 4060, 8972, rng.randint(1473, 8972)):
            yield b.udp(rng.randbytes(size)), MAYBE
        yield with_ip(b.udp(rng.randbytes(8000)), LENGTH, 0xFFFF, 2), DROP


@kind()
def random_bytes(b, rng):
    while True:
        yield put(rng.randbytes(rng.randint(14, 1514)), 0, rng.choice((b.stack_bytes, b"\xff" * 6, b"\x02"))), DROP
        yield b.raw(0x0800, rng.randbytes(rng.randint(0, 1500))), DROP
        yield b.raw(0x0800, b"\x45" + rng.randbytes(rng.randint(0, 1499))), DROP
        yield b.raw(0x0806, rng.randbytes(rng.randint(0, 1500))), DROP
        yield with_ip(b.ip(1, rng.randbytes(rng.randint(0, 1480))), TTL, 64, 1), DROP
        yield with_ip(b.ip(17, rng.randbytes(rng.randint(0, 1480))), PROTOCOL, 17, 1), DROP
