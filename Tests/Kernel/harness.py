"""What every test of the kernel suite stands on.

The Linux kernel is the peer. Each test makes its own network namespaces, named `cq<pid>-…`, starts `cleanq` in one of them
and talks to it through ordinary sockets. Everything made here is undone by a cleanup of the test, again at exit, and the
children carry a parent-death signal, so an interrupted run leaves nothing either. Only own children are ever signalled.
"""

import atexit
import hashlib
import os
import random
import shutil
import tempfile
import unittest
from pathlib import Path

from daemon import CLEANQ, Daemon, Summary, error_lines
from namespaces import STACK, Namespace, Sniffer
from processes import command, reap, spawn, takes_signals, wait_until

SEED = int(os.environ.get("CLEANQ_SEED") or random.SystemRandom().randrange(1 << 32))

KERNEL = "10.0.0.1"
TAP = f"tap(tap0, address: {KERNEL}/24)"
ECHO = f"{TAP} | ip({STACK}/24) | udp(7) | echo"

# What the contract leaves open about the pipeline language. Change it here when the language says otherwise.
SEVERAL_PORTS = "udp(7, 9, 4007)"
SNAPLEN = "snaplen: {}"
NANOSECONDS = "precision: nano"

SCRATCH = tempfile.mkdtemp(prefix=f"cq{os.getpid()}-")
atexit.register(shutil.rmtree, SCRATCH, ignore_errors=True)

__all__ = ["CLEANQ", "ECHO", "KERNEL", "NANOSECONDS", "SEED", "SEVERAL_PORTS", "SNAPLEN", "STACK", "TAP", "Case", "Daemon",
           "Namespace", "Sniffer", "Summary", "command", "error_lines", "reap", "spawn", "takes_signals",
           "wait_until"]


class Case(unittest.TestCase):
    """A test with a scratch folder, namespaces and daemons that are gone when it ends, or it fails."""

    def setUp(self):
        self.seed = SEED ^ hash_text(self.id())
        self.random = random.Random(self.seed)
        self.work = Path(tempfile.mkdtemp(dir=SCRATCH))
        self.addCleanup(shutil.rmtree, self.work, ignore_errors=True)

    def namespace(self, tag="n", **options):
        ns = Namespace(tag, **options)
        self.addCleanup(lambda: self.assertEqual(ns.close(), [], "left behind"))
        return ns

    def daemon(self, ns, *arguments, **options):
        daemon = Daemon(ns, *arguments, **options)
        self.addCleanup(daemon.kill)
        return daemon

    def child(self, process):
        self.addCleanup(reap, process)
        return process

    def closing(self, s):
        self.addCleanup(s.close)
        return s

    def assert_frames(self, got, wanted, what="frames"):
        """Equal lists of frames; tells the first difference, not all of it."""
        for i, (a, b) in enumerate(zip(got, wanted)):
            if a != b:
                self.fail(f"{what}: number {i} of {len(got)} is {len(a)} bytes {a[:48].hex()}, not {len(b)} bytes {b[:48].hex()}")
        self.assertEqual(len(got), len(wanted), f"{what}: how many")

    def note(self, text):
        """A figure worth seeing next to the test's verdict."""
        self.notes = getattr(self, "notes", []) + [text]


def hash_text(text):
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:4], "big")
