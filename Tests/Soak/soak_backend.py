"""A vhost-user back end that stalls, lies, changes shared memory and hangs up, in random order, beside a TAP in the same process.

Not one echo of the TAP may be lost or late, no buffer may be lost, and the process stops within a second at the end.
"""

import contextlib
import ctypes
import fcntl
import os
import signal
import socket
import struct
import tempfile
import threading
import time
from pathlib import Path

from backend import BackEnd
from harness import CLEANQ, KERNEL, STACK, Case, wait_until

SECONDS = float(os.environ["SOAK_SECONDS"])
TOGETHER = str(Path(CLEANQ).parent / "cleanq-together")
# Of a machine that is busy with other things; what a peer could hold up, it would hold up for ever.
LATE_SECONDS = 2.0
STOP_SECONDS = 1.5
FALLOC_FL_KEEP_SIZE, FALLOC_FL_PUNCH_HOLE = 1, 2

libc = ctypes.CDLL(None, use_errno=True)


class Mischief(BackEnd):
    """A back end that behaves, in each connection, in one of many ways."""

    WAYS = ("honest", "slow", "silent", "deaf", "garbage", "hang_up", "files", "counters", "drained", "truncate", "holes",
            "rings", "packets", "flood")

    def __init__(self, path, rng):
        super().__init__(path, answer=self.reply)
        self.random, self.way, self.files = rng, "honest", []
        self.played = dict.fromkeys(self.WAYS, 0)

    def change(self):
        """Another way, from the next connection on, or at once."""
        self.way = self.random.choice(self.WAYS)
        self.played[self.way] += 1
        if self.random.random() < 0.7:
            self.hang_up()

    def _map(self, payload, files):
        self.files += [os.dup(file) for file in files]
        super()._map(payload, files)

    def _forget(self):
        super()._forget()
        for file in self.files:
            os.close(file)
        self.files = []

    def reply(self, request, payload, ordinary):
        if self.way == "slow":
            time.sleep(self.random.random() * 1.9)
        elif self.way == "silent":
            return None
        elif self.way == "deaf" and self.random.random() < 0.1:
            deadline = time.monotonic() + 5
            while self.way == "deaf" and not self.ending and time.monotonic() < deadline:
                time.sleep(0.01)
        elif self.way == "garbage" and ordinary and self.random.random() < 0.3:
            return self.random.randbytes(self.random.randrange(1, 64))
        elif self.way == "hang_up" and self.random.random() < 0.2:
            return False
        elif self.way == "files" and ordinary:
            self.send_with_files(ordinary)
            return None
        return ordinary

    def send_with_files(self, data):
        ends = os.pipe()
        try:
            socket.send_fds(self.connection, [data], list(ends) * self.random.choice((1, 8)))
        finally:
            for end in ends:
                os.close(end)

    def notifications(self):
        with self.lock:
            return [file for ring in self.rings.values() for file in (ring.kick, ring.call) if file is not None]

    def act(self):
        """One act of the present way, with whatever the driver has given."""
        if self.way == "counters":  # of one open file description with the driver
            for file in self.notifications():
                fcntl.fcntl(file, fcntl.F_SETFL, fcntl.fcntl(file, fcntl.F_GETFL) | os.O_NONBLOCK)
                with contextlib.suppress(BlockingIOError):
                    os.write(file, struct.pack("=Q", 0xFFFFFFFFFFFFFFFE))
                fcntl.fcntl(file, fcntl.F_SETFL, fcntl.fcntl(file, fcntl.F_GETFL) & ~os.O_NONBLOCK)
        elif self.way == "drained":
            for file in self.notifications():
                fcntl.fcntl(file, fcntl.F_SETFL, fcntl.fcntl(file, fcntl.F_GETFL) | os.O_NONBLOCK)
                with contextlib.suppress(BlockingIOError):
                    os.read(file, 8)
                fcntl.fcntl(file, fcntl.F_SETFL, fcntl.fcntl(file, fcntl.F_GETFL) & ~os.O_NONBLOCK)
        elif self.way == "truncate":
            for file in self.files:
                with contextlib.suppress(OSError):
                    os.ftruncate(file, self.random.choice((0, 4096, 1 << 40)))
        elif self.way == "holes":
            for file in self.files:
                size = os.fstat(file).st_size
                place = self.random.randrange(max(1, size)) & ~4095
                libc.fallocate(file, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, ctypes.c_long(place), ctypes.c_long(1 << 21))
        elif self.way in ("rings", "packets"):
            with self.lock:
                for _, size, memory in self.memory.regions:
                    if self.way == "packets" and size < 1 << 20:
                        continue
                    place = self.random.randrange(max(1, size - 256))
                    memory[place:place + 256] = self.random.randbytes(256)
        elif self.way == "flood":
            for _ in range(200):
                for file in self.notifications():
                    with contextlib.suppress(BlockingIOError):
                        os.write(file, struct.pack("=Q", 1))
        else:
            self.send(bytes(12) + b"\x88\xb5" + self.random.randbytes(60), seconds=0.02)
            self.receive(0.01)


class Backend(Case):
    def test_backend(self):
        ns = self.namespace("soak")
        path = f"{self.work}/s.sock"
        with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err, Mischief(path, self.random) as device:
            process = self.child(ns.spawn(
                TOGETHER, f"tap(tap0, address: {KERNEL}/24) | ip({STACK}/24) | udp(7) | echo", f"vhost-user({path}) | loopback",
                stdout=out, stderr=err))
            # Both have started: a back end that goes during the start makes that fail, and rightly.
            def running():
                return os.pread(err.fileno(), 1 << 16, 0).count(b"running") >= 2
            self.assertTrue(wait_until(lambda: running() or process.poll() is not None, 30))
            echoes = Echoes(self, ns)
            with echoes:
                deadline = time.monotonic() + SECONDS
                change = 0
                while time.monotonic() < deadline:
                    self.assertIsNone(process.poll(), f"it died: {os.pread(err.fileno(), 4000, 0)}")
                    if time.monotonic() > change:
                        device.change()
                        change = time.monotonic() + self.random.random() * 2
                    with contextlib.suppress(OSError, LookupError, ValueError, AttributeError):
                        device.act()
                    time.sleep(0.002)
            begun = time.monotonic()
            process.send_signal(signal.SIGTERM)
            self.assertEqual(process.wait(30), 0, os.pread(err.fileno(), 4000, 0))
            stop = time.monotonic() - begun
            lines = os.pread(out.fileno(), 1 << 16, 0).decode().splitlines()
            logged = os.fstat(err.fileno()).st_size
        self.note(f"{echoes.count} echoes, the slowest {echoes.slowest * 1000:.0f} ms; stopped in {stop:.2f} s; log {logged} bytes; "
                  + " ".join(f"{way}:{n}" for way, n in device.played.items()))
        self.assertEqual(echoes.lost, 0, "echoes of the TAP were lost")
        self.assertLess(stop, STOP_SECONDS)
        self.assertEqual(len(lines), 2)
        for line in lines:
            self.assertIn('"lostBytes":0', line)


class Echoes:
    """One datagram at a time, over and over, on a thread of its own."""

    def __init__(self, test, ns):
        self.test, self.ns = test, ns
        self.count = self.lost = 0
        self.slowest = 0.0
        self.ending = False

    def __enter__(self):
        self.test.assertTrue(wait_until(self.connected, 10), "the device has no address")
        self.test.assertTrue(wait_until(self.answered, 10), "nothing is answered")
        self.thread = threading.Thread(target=self._run, daemon=True)
        self.thread.start()
        return self

    def connected(self):
        with contextlib.suppress(OSError):
            self.socket = self.ns.udp(timeout=LATE_SECONDS)
            return True
        return False

    def answered(self):
        with contextlib.suppress(OSError):
            self.socket.send(b"first")
            return self.socket.recv(2048) == b"first"
        return False

    def _run(self):
        number = 0
        while not self.ending:
            number += 1
            wanted = struct.pack("=Q", number) + bytes(100)
            begun = time.monotonic()
            try:
                self.socket.send(wanted)
                while self.socket.recv(2048) != wanted:
                    pass
                self.count += 1
            except OSError:
                self.lost += 1
            self.slowest = max(self.slowest, time.monotonic() - begun)
            time.sleep(0.001)

    def __exit__(self, *_):
        self.ending = True
        self.thread.join(10)
        self.socket.close()
