"""IPv4 headers, options, fragments and addresses spoilt."""

from itertools import count, cycle

from scapy.layers.inet import IPOption_LSRR, IPOption_NOP, IPOption_RR, IPOption_Timestamp

from frames import DST, ETH, FLAGS, ID, IP4, L4, LENGTH, SRC, SUM, TTL, VERSION, ip_sum, put, udp_sum, with_ip
from malformed import ANSWER, DROP, FREE, MAYBE, SHORT, address, kind, payload


@kind(*SHORT, "checksum")
def truncated_with_a_matching_ip_length(b, rng):
    while True:
        for frame in (b.udp(payload(rng, 32, 32)), b.icmp(payload(rng, 32, 32), type=8)):
            for n in range(L4, len(frame)):
                yield with_ip(frame[:n], LENGTH, n - ETH, 2), DROP


@kind(*SHORT)
def ip_total_length(b, rng):
    while True:
        frame = b.udp(payload(rng))
        actual = len(frame) - ETH
        for n in range(20):
            yield with_ip(frame, LENGTH, n, 2), DROP
        for n in (actual + 1, actual + rng.randint(2, 1000), 0xFFFF):
            yield with_ip(frame, LENGTH, n, 2), DROP
        yield frame + rng.randbytes(rng.randint(1, 200)), ANSWER  # padding


@kind("version")
def ip_version(b, rng):
    while True:
        for version in (0, 1, 2, 3, 5, 6, 7, 8, 14, 15):
            yield with_ip(b.udp(payload(rng)), VERSION, version << 4 | 5, 1), DROP


@kind("header", *SHORT)
def ip_header_length(b, rng):
    while True:
        for words in range(5):
            frame = put(b.udp(payload(rng)), VERSION, 0x40 | words, 1)
            yield ip_sum(frame), DROP
        frame = b.udp(payload(rng, 1, 8))[:L4 + 9]
        yield put(with_ip(frame, LENGTH, 29, 2), VERSION, 0x4F, 1), DROP  # a header of 60 bytes in a packet of 29


@kind()
def ip_options(b, rng):
    while True:
        yield b.udp(payload(rng), options=[IPOption_NOP()] * 40), ANSWER
        yield b.udp(payload(rng), options=[IPOption_NOP()] * rng.randint(1, 40)), ANSWER
        yield b.udp(payload(rng), options=[IPOption_RR(routers=["0.0.0.0"] * rng.randint(1, 9))]), ANSWER
        yield b.udp(payload(rng), options=[IPOption_LSRR(routers=["10.0.0.7"], pointer=8)]), MAYBE
        yield b.udp(payload(rng), options=[IPOption_Timestamp()]), MAYBE
        good = b.udp(payload(rng), options=[IPOption_NOP()] * 8)
        for option in (b"\x07\xff\x04", b"\x07\x00\x04", b"\x07\x01", b"\x83\x27\xff", b"\x44\x05\x01", rng.randbytes(8)):
            yield ip_sum(put(good, L4, option)), MAYBE  # overruns inside the header: skipped unread, or refused
        yield ip_sum(put(good, L4 + 7, b"\x07")), MAYBE


@kind(*SHORT)
def ip_options_that_overrun_the_packet(b, rng):
    while True:
        for words in range(6, 16):
            frame = b.udp(payload(rng, 60, 60), options=[IPOption_NOP()] * (words * 4 - 20))
            yield with_ip(frame, LENGTH, rng.randint(20, words * 4 - 1), 2), DROP
            yield frame[:ETH + rng.randint(20, words * 4 - 1)], DROP
            yield with_ip(frame, LENGTH, words * 4 + rng.randint(0, 7), 2), DROP  # no room for a UDP header


@kind("checksum")
def ip_checksum(b, rng):
    for place in cycle([p for p in range(IP4 + 1, L4) if p not in (LENGTH, LENGTH + 1)]):
        frame = b.udp(payload(rng))
        yield put(frame, place, frame[place] ^ 1 << rng.randrange(8), 1), DROP
        yield put(frame, SUM, frame[SUM:SUM + 2][::-1] if frame[SUM] != frame[SUM + 1] else b"\x12\x34"), DROP


@kind("fragment")
def fragments(b, rng):
    for identity in count(rng.getrandbits(15)):
        whole = b.udp(payload(rng, 64, 64), id=identity & 0xFFFF)
        for offset, more in ((0, 1), (1, 1), (3, 0), (8, 0), (0x1FFF, 0), (0x1FFF, 1), (0, 1), (0, 1), (2, 1), (1, 0)):
            yield with_ip(whole, FLAGS, more << 13 | offset, 2), DROP  # overlapping, doubled, past the end
        yield with_ip(with_ip(whole, FLAGS, 0x2000, 2)[:L4 + 8], LENGTH, 28, 2), DROP  # tiny first
        yield with_ip(whole, FLAGS, 0x4000, 2), ANSWER  # do not fragment
        yield with_ip(put(whole, ID, 0, 2), FLAGS, 0xC000, 2), MAYBE  # the evil bit


@kind("source", "land", "own", "spoof", "martian")
def land(b, rng):
    own = b.sources[1]
    while True:
        yield udp_sum(with_ip(b.udp(payload(rng)), SRC, own)), DROP
        yield with_ip(b.icmp(payload(rng), type=8), SRC, own), DROP
        yield b.stack_bytes + udp_sum(with_ip(put(b.udp(payload(rng)), 6, b.stack_bytes), SRC, own))[6:], DROP


@kind("source", "martian", "spoof")
def sources(b, rng):
    while True:
        for text in ("255.255.255.255", "10.0.0.255", "224.0.0.1", "239.255.255.250"):
            yield udp_sum(with_ip(b.udp(payload(rng)), SRC, address(text))), DROP
            yield with_ip(b.icmp(payload(rng), type=8), SRC, address(text)), DROP


@kind(errors=True)
def martian_sources(b, rng):
    while True:
        for text in ("0.0.0.0", "0.1.2.3", "127.0.0.1", "240.0.0.1", "192.0.2.1", "8.8.8.8"):
            yield udp_sum(with_ip(b.udp(payload(rng)), SRC, address(text))), MAYBE
        yield udp_sum(with_ip(b.udp(payload(rng)), SRC, address("10.0.0.0"))), FREE  # the answer may wait for ARP


@kind()
def destinations(b, rng):
    """For others; MAYBE where a host may take it: broadcasts of either layer."""
    while True:
        for text in ("10.0.0.3", "127.0.0.1", "224.0.0.1", "239.1.2.3", "0.0.0.0", "240.0.0.1", "8.8.8.8"):
            yield udp_sum(with_ip(b.udp(payload(rng)), DST, address(text))), DROP
            yield with_ip(b.icmp(payload(rng), type=8), DST, address(text)), DROP
        other = bytes([rng.getrandbits(8) & 0xFC | 2]) + rng.randbytes(5)
        yield put(b.udp(payload(rng)), 0, other), DROP
        for mac in (b"\xff" * 6, b"\x01\x00\x5e\x00\x00\x01"):
            yield put(b.udp(payload(rng)), 0, mac), MAYBE
        for text in ("10.0.0.255", "255.255.255.255"):
            yield put(udp_sum(with_ip(b.udp(payload(rng)), DST, address(text))), 0, b"\xff" * 6), MAYBE
            yield put(with_ip(b.icmp(payload(rng), type=8), DST, address(text)), 0, b"\xff" * 6), MAYBE
        yield put(b.udp(payload(rng)), 6, b"\xff" * 6), MAYBE  # sent by a group: such a station does not exist


@kind("ttl", "live", "hop", "expired")
def time_to_live(b, rng):
    while True:
        yield with_ip(b.udp(payload(rng)), TTL, 0, 1), DROP
        yield with_ip(b.icmp(payload(rng), type=8), TTL, 0, 1), DROP
        yield with_ip(b.udp(payload(rng)), TTL, 1, 1), ANSWER
        yield with_ip(b.icmp(payload(rng), type=8), TTL, 1, 1), ANSWER
