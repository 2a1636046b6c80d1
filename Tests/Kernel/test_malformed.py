"""Ten thousand frames that should not be: each is counted, none is answered by mistake, and the echo lives on."""

import socket
import unittest
from collections import Counter
from itertools import islice

from frames import ETH, L4, SINK_PORT, Builder
from harness import ECHO, KERNEL, STACK, Case, Sniffer
from malformed import ANSWER, DROP, FREE, KINDS, MAYBE
import malformed_ip  # noqa: F401  each registers its kinds
import malformed_l4  # noqa: F401
import malformed_link  # noqa: F401
from traffic import echoes

FRAMES = 10_000
PER_KIND = -(-FRAMES // len(KINDS))
BARRIER = 100  # frames between two echoes that must come back: fewer than the TAP's queue holds


class Target:
    """A daemon in a quiet namespace, a raw socket towards it, and a watcher of what crosses."""

    def __init__(self, test, tag):
        self.test, self.ns = test, test.namespace(tag)
        # Each answer is looked at, so none goes joined with others.
        self.daemon = test.daemon(self.ns, "run", ECHO.replace("/24)", "/24, offload: no)", 1))
        echoes(test, self.ns, count=1)
        stack_mac = self.ns.ip("neigh", "show", STACK).split("lladdr ")[1].split()[0]
        self.ns.ip("neigh", "replace", STACK, "lladdr", stack_mac, "dev", "tap0", "nud", "permanent")
        self.builder = Builder(self.ns.mac(), stack_mac)
        self.sink = test.closing(self.ns.socket(socket.AF_INET, socket.SOCK_DGRAM))
        self.sink.bind((KERNEL, SINK_PORT))
        with self.ns.entered():
            self.raw = test.closing(socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0))
            self.raw.bind(("tap0", 0))
        self.sniffer = Sniffer(self.ns)
        test.closing(self.sniffer.socket)
        self.fates, self.sent = Counter(), Counter()
        self.to_daemon, self.from_daemon = [], []

    def send(self, frames):
        for i, (frame, fate) in enumerate(frames):
            self.raw.send(frame)
            self.fates[fate] += 1
            self.sent[frame] += 1
            if i % BARRIER == BARRIER - 1:
                echoes(self.test, self.ns, count=1)
                self.watch()
        echoes(self.test, self.ns)
        self.watch()

    def watch(self):
        to_daemon, from_daemon = self.sniffer.frames()
        self.to_daemon += to_daemon
        self.from_daemon += from_daemon

    def verdict(self, errors_allowed):
        """Stops the daemon and holds its counts against the fates."""
        test, fates = self.test, self.fates
        self.watch()
        dropped_by_kernel = self.ns.links()["tap0"]["stats64"]["tx"]["dropped"]
        summary = self.daemon.stop().check(test)
        test.assertEqual(dropped_by_kernel, 0, "the TAP's queue overflowed: fewer frames between barriers")
        background = Counter(self.to_daemon) - self.sent
        strangers = sum(n for frame, n in background.items() if not known(frame))
        answers = sum(is_answer(frame, self.sent) for frame in self.from_daemon)
        drops = sum(summary.drops.values())
        story = f"{dict(fates)}, drops {drops}: {summary.drops}, answers {answers}, background {strangers}, seed {test.seed}"
        least, most = fates[DROP], fates[DROP] + fates[MAYBE] + fates[FREE] + strangers
        test.assertGreaterEqual(drops, least, f"a frame was dropped uncounted: {story}")
        test.assertLessEqual(drops, most, f"counted twice, or refused though it is right: {story}")
        test.assertGreaterEqual(answers, fates[ANSWER], f"a right frame was not answered: {story}")
        test.assertGreaterEqual(drops + answers, least + fates[ANSWER] + fates[MAYBE], f"neither dropped nor answered: {story}")
        if not errors_allowed:
            test.assertLessEqual(answers, fates[ANSWER] + fates[MAYBE] + fates[FREE], f"a wrong frame was answered: {story}")
        test.assertEqual(sum(self.sent.values()), fates.total())
        return summary


def known(frame):
    """The suite's own echoes, and the kernel's answers to the daemon's ARP requests."""
    return frame[12:14] == b"\x08\x06" or (frame[12:14] == b"\x08\x00" and frame[ETH + 9] == 17 and frame[L4 + 2:L4 + 4] == b"\0\x07")


def is_answer(frame, sent):
    """Anything that the daemon sent because of a spoilt frame: not its own ARP requests, not the suite's echoes."""
    if frame[12:14] == b"\x08\x06":
        return frame[20:22] == b"\0\x02"
    if frame[12:14] == b"\x08\x00" and frame[ETH + 9] == 17:
        return frame[L4 + 2:L4 + 4] in (SINK_PORT.to_bytes(2, "big"), b"\0\0")
    return True


class Malformed(Case):
    """`test_<kind>` for every kind, then all of them in one shuffled stream through one daemon."""

    def one_kind(self, kind):
        target = Target(self, kind.name[:20])
        if kind.jumbo:
            target.ns.ip("link", "set", "tap0", "mtu", "9000")
        target.send(islice(kind.frames(target.builder, self.random), PER_KIND))
        summary = target.verdict(kind.errors)
        for (stage, reason), n in summary.drops.items():
            if kind.reasons and DROP in target.fates:
                self.assertTrue(any(part in reason for part in kind.reasons), f"{stage}: {reason}: {n}; expected one of {kind.reasons}")
        tap = summary.stage("tap")
        # What a stage drops it does not give to the stage above: the two together are what came in.
        received = tap["received"]["packets"] + sum(tap["drops"].values())
        self.assertGreaterEqual(received, target.fates.total(), "frames that never reached the first stage")
        self.note(f"{target.fates.total()} frames: " + ", ".join(f"{r} {n}" for (_, r), n in summary.drops.items()))

    def test_all_shuffled(self):
        target = Target(self, "all")
        frames = [f for kind in KINDS if not kind.jumbo for f in islice(kind.frames(target.builder, self.random), PER_KIND)]
        self.random.shuffle(frames)
        target.send(frames)
        target.verdict(errors_allowed=True)
        self.note(f"{len(frames)} frames")

    def test_there_are_enough(self):
        self.assertGreaterEqual(len(KINDS) * PER_KIND, FRAMES)


for each in KINDS:
    setattr(Malformed, f"test_{each.name}", lambda self, kind=each: self.one_kind(kind))

if __name__ == "__main__":
    unittest.main()
