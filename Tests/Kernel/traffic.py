"""What the kernel's side sends, and how it judges what comes back."""

import os
import re
import select
import socket
import struct
import time
from dataclasses import dataclass, field

from harness import STACK

FASTEST = 0.001 if os.geteuid() == 0 else 0.002  # seconds between two requests that ping allows
POOL = 4096  # distinct datagrams of one window run


def ping(ns, count, peer=STACK, interval=FASTEST, *options):
    """(count, how many of the first `count` requests were answered).

    With a deadline `ping` goes on until it has `count` answers: without one it would not wait for the last of them.
    """
    deadline = int(count * interval) + 4
    done = ns.run("ping", "-n", "-c", count, "-i", interval, "-w", deadline, *options, peer, check=False, timeout=60)
    if "transmitted" not in done.stdout or "DUP!" in done.stdout or "wrong data" in done.stdout:
        raise AssertionError(f"ping: {done.stdout[-2000:]} {done.stderr}")
    answered = {int(n) for n in re.findall(r"^\d+ bytes from .*icmp_seq=(\d+) ", done.stdout, re.M)}
    return count, len(answered & set(range(1, count + 1)))


def echo(s, payload):
    """Sends and waits for one answer; what is wrong with it, or None."""
    s.send(payload)
    try:
        answer = s.recv(65535)
    except socket.timeout:
        return f"no answer to {len(payload)} bytes"
    if answer == payload:
        return None
    place = next((i for i, (a, b) in enumerate(zip(answer, payload)) if a != b), min(len(answer), len(payload)))
    return f"{len(payload)} bytes sent, {len(answer)} came back, different from byte {place}"


def echoes(test, ns, count=3, port=7, size=64):
    """A short check that the echo works now."""
    with ns.udp(port) as s:
        for _ in range(count):
            test.assertIsNone(echo(s, test.random.randbytes(size)), f"udp port {port}")


def every_length(s, lengths, rng):
    """One datagram of each length with random content; the list of what was wrong."""
    order = list(lengths)
    rng.shuffle(order)
    return [wrong for n in order if (wrong := echo(s, rng.randbytes(n)))]


@dataclass
class Outcome:
    sent: int = 0
    received: int = 0
    late: int = 0       # arrived out of order
    wrong: list = field(default_factory=list)
    seconds: float = 0.0

    @property
    def lost(self):
        return self.sent - self.received


def window(s, count, in_flight, rng, largest=256, silence=0.3):
    """Keeps `in_flight` numbered datagrams under way; what is silent for long is given up and counted as lost."""
    pool = [rng.randbytes(rng.randrange(largest - 8)) for _ in range(POOL)]
    number = struct.Struct("!Q")
    outcome, outstanding, newest = Outcome(), set(), -1
    s.setblocking(False)
    begun = time.monotonic()
    while outcome.sent < count or outstanding:
        while len(outstanding) < in_flight and outcome.sent < count:
            try:
                s.send(number.pack(outcome.sent) + pool[outcome.sent % POOL])
            except BlockingIOError:
                break
            outstanding.add(outcome.sent)
            outcome.sent += 1
        try:
            answer = s.recv(2048)
        except BlockingIOError:
            if not select.select([s], [], [], silence)[0]:
                outstanding.clear()
            continue
        n = number.unpack_from(answer)[0] if len(answer) >= 8 else None
        if n is None or n >= outcome.sent or answer[8:] != pool[n % POOL]:
            outcome.wrong.append(f"damaged: {answer[:32].hex()}")
        elif n not in outstanding:
            outcome.wrong.append(f"twice or after being given up: {n}")
        else:
            outstanding.discard(n)
            outcome.received += 1
            outcome.late += n < newest
            newest = max(n, newest)
    outcome.seconds = time.monotonic() - begun
    s.setblocking(True)
    return outcome


def check_window(test, ns, count, in_flight=64):
    """Runs a window and holds the losses against what the kernel reports as its own."""
    before = {**ns.kernel_drops(), "udp checksums": ns.snmp("Udp", "InCsumErrors"), "ip headers": ns.snmp("Ip", "InHdrErrors")}
    with ns.udp() as s:
        s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4 << 20)
        outcome = window(s, count, in_flight, test.random)
    after = {**ns.kernel_drops(), "udp checksums": ns.snmp("Udp", "InCsumErrors"), "ip headers": ns.snmp("Ip", "InHdrErrors")}
    rose = {name: after[name] - before[name] for name in after if after[name] != before[name]}
    test.note(f"{outcome.sent / outcome.seconds:,.0f}/s, lost {outcome.lost}, kernel drops {rose or 'none'}, late {outcome.late}")
    test.assertEqual(outcome.wrong[:5], [])
    test.assertEqual(outcome.sent, count)
    test.assertEqual((rose.pop("udp checksums", 0), rose.pop("ip headers", 0)), (0, 0), "the kernel refused our headers")
    test.assertLessEqual(outcome.lost, sum(rose.values()), f"lost without the kernel's doing: {rose}")
    return outcome
