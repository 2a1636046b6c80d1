"""UDP and ICMP spoilt."""

import struct

from frames import ETH, L4, UDP_LENGTH, UDP_SUM, icmp_sum, put, udp_sum
from malformed import ANSWER, DROP, FREE, MAYBE, SHORT, kind, payload


@kind(*SHORT)
def udp_truncated_at_every_byte(b, rng):
    while True:
        frame = b.udp(payload(rng, 32, 32))
        for n in range(ETH, len(frame)):
            yield frame[:n], DROP


@kind(*SHORT)
def icmp_truncated_at_every_byte(b, rng):
    while True:
        frame = b.icmp(payload(rng, 32, 32), type=8, id=rng.getrandbits(16))
        for n in range(ETH, len(frame)):
            yield frame[:n], DROP


@kind(*SHORT)
def udp_length(b, rng):
    while True:
        frame = b.udp(payload(rng, 16))
        actual = len(frame) - L4
        for n in (*range(8), actual + 1, actual + 8, actual + rng.randint(9, 5000), 0xFFFF):
            spoilt = put(frame, UDP_LENGTH, n, 2)
            yield udp_sum(spoilt), DROP
            yield put(spoilt, UDP_SUM, 0, 2), DROP
        for n in (8, rng.randint(9, actual - 1)):  # the rest of the packet is nobody's
            yield udp_sum(put(frame, UDP_LENGTH, n, 2)), ANSWER


@kind("checksum")
def udp_checksum(b, rng):
    while True:
        frame = b.udp(payload(rng, 2, 300))
        place = rng.choice([*range(L4, L4 + 4), *range(L4 + 8, len(frame))])
        yield put(frame, place, frame[place] ^ 1 << rng.randrange(8), 1), DROP
        spoilt = put(frame, UDP_SUM, frame[UDP_SUM] ^ rng.randint(1, 255), 1)
        yield spoilt, ANSWER if spoilt[UDP_SUM:UDP_SUM + 2] == b"\0\0" else DROP
        yield put(frame, UDP_SUM, 0, 2), ANSWER  # RFC 768: none was made
        odd = put(frame, len(frame) - 1 & ~1, b"\0\0") if len(frame) % 2 == 0 else frame
        if odd is not frame:  # the payload that makes the sum 0, sent as 0xFFFF
            sum_ = struct.unpack_from("!H", udp_sum(odd), UDP_SUM)[0]
            yield udp_sum(put(odd, len(odd) - 2, sum_, 2)), ANSWER


@kind("checksum")
def icmp_checksum(b, rng):
    while True:
        frame = b.icmp(payload(rng, 0, 300), type=8, id=rng.getrandbits(16), seq=rng.getrandbits(16))
        place = rng.randrange(L4, len(frame))
        yield put(frame, place, frame[place] ^ 1 << rng.randrange(8), 1), DROP
        yield frame, ANSWER


@kind(errors=True)
def ip_protocols(b, rng):
    while True:
        for protocol in (0, 2, 4, 6, 41, 47, 50, 89, 132, 136, 253, 255):
            yield b.ip(protocol, payload(rng, 0, 64)), DROP


@kind(errors=True)
def ports(b, rng):
    while True:
        yield b.udp(payload(rng), port=rng.randint(8, 65535)), MAYBE  # port unreachable, as far as the rate limit lets it
        yield b.udp(payload(rng), port=0), MAYBE
        yield udp_sum(put(b.udp(payload(rng)), L4, 0, 2)), FREE  # from port 0: wants no answer, RFC 768
        yield b.udp(b""), ANSWER


@kind()
def icmp_types(b, rng):
    while True:
        for type_ in (0, 1, 2, 4, 6, 7, 9, 10, 13, 14, 15, 16, 17, 18, 30, 40, 41, 253, 255):
            yield b.icmp(payload(rng), type=type_, code=0), DROP
        yield icmp_sum(put(b.icmp(payload(rng), type=8), L4 + 1, rng.randint(1, 255), 1)), MAYBE  # no such code of echo


@kind()
def icmp_errors_about_nothing(b, rng):
    while True:
        mine = bytearray(b.udp(payload(rng))[ETH:])
        mine[12:16], mine[16:20] = mine[16:20], mine[12:16]
        for type_, code in ((3, 0), (3, 1), (3, 3), (3, 4), (3, 255), (5, 1), (11, 0), (12, 0), (4, 0)):
            for quoted in (b"", rng.randbytes(rng.randint(1, 60)), bytes(mine[:28]), bytes(mine[:rng.randint(1, 27)])):
                yield icmp_sum(b.icmp(quoted, type=type_, code=code)), DROP
