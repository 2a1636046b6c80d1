"""Processes that are killed with SIGKILL under load, at any moment, leave nothing behind: no device, no process, no page.

Each capture is readable to its last whole record, and never without its header once the pipeline runs.
"""

import os
import socket
import struct
import threading
import time

import captures
from backend import BackEnd
from harness import CLEANQ, KERNEL, STACK, Case, wait_until
from processes import command, reap

SECONDS = float(os.environ["SOAK_SECONDS"])
ROUNDS = int(os.environ["SOAK_ROUNDS"] or 1 << 30)
LONGEST_LIFE_SECONDS = 0.4


class Load:
    """Calls something over and over on a thread of its own, whatever it raises: `with Load(send):`."""

    def __init__(self, body):
        self.body, self.ending, self.count = body, False, 0

    def __enter__(self):
        self.thread = threading.Thread(target=self._run, daemon=True)
        self.thread.start()
        return self

    def _run(self):
        while not self.ending:
            try:
                self.body()
                self.count += 1
            except (OSError, LookupError, ValueError):  # the other side has just died
                time.sleep(0.001)

    def __exit__(self, *_):
        self.ending = True
        self.thread.join(10)


def free_hugepages():
    try:
        with open("/sys/kernel/mm/hugepages/hugepages-2048kB/free_hugepages") as file:
            return int(file.read())
    except OSError:
        return 0


class Kills(Case):
    def test_kills(self):
        scenes = [self.echo, self.forward, self.vhost_user]
        deadline = time.monotonic() + SECONDS
        self.kills = self.records = self.empty = 0
        while time.monotonic() < deadline and self.kills < ROUNDS:
            self.random.choice(scenes)()
        self.note(f"{self.kills} kills, {self.records} records in the captures, {self.empty} captures with a header only")
        self.assertGreater(self.kills, 0)

    def kill_under(self, ns, send, *arguments):
        """Starts the command, loads it, kills it after a while, and looks at what is left."""
        before = free_hugepages()
        daemon = self.daemon(ns, *arguments, json=False, ready=False)
        ready = self.random.random() < 0.8  # some die while they start
        if ready:
            self.assertTrue(wait_until(lambda: "running" in daemon.stderr() or daemon.process.poll() is not None, 30))
            self.assertIsNone(daemon.process.poll(), daemon.stderr())
        idle = self.random.random() < 0.3
        with Load(lambda: time.sleep(0.01) if idle else send()):
            time.sleep(self.random.random() * LONGEST_LIFE_SECONDS)
            self.assertIsNone(daemon.process.poll(), daemon.stderr())
            reap(daemon.process)
        self.kills += 1
        self.assertTrue(wait_until(lambda: not ns.processes(), 10), "processes left behind")
        self.assertTrue(wait_until(lambda: not set(ns.links()) - ns.keeps, 10), f"interfaces left behind: {ns.links()}")
        self.assertTrue(wait_until(lambda: free_hugepages() >= before, 10), "hugepages left behind")
        return ready

    def whole(self, path, wanted):
        """The capture is a header and records, of which only the last may be cut; tcpdump reads all the whole ones."""
        data = path.read_bytes() if path.exists() else b""
        if len(data) < 24:
            self.assertFalse(wanted, f"a running pipeline's capture has {len(data)} bytes")
            return
        place, whole = 24, 0
        while place + 16 <= len(data):
            captured, length = struct.unpack_from("<II", data, place + 8)
            self.assertTrue(captured <= length <= 65535 + 14, f"record {whole}: {captured} bytes of {length}")
            if place + 16 + captured > len(data):
                break
            place += 16 + captured
            whole += 1
        captures.parse(data[:place])
        done = command("tcpdump", "-n", "-r", path, "--count", check=False)
        if place == len(data):
            self.assertIn(f"{whole} packet", done.stdout, done.stderr)
        self.records += whole
        self.empty += whole == 0

    def device(self, tag):
        """A namespace in which the device is made by the daemon, or stays."""
        ns = self.namespace(tag)
        if self.random.random() < 0.5:
            ns.make_tap()
            ns.ip("address", "add", f"{KERNEL}/24", "dev", "tap0")
            return ns, "tap(tap0)"
        return ns, f"tap(tap0, address: {KERNEL}/24)"

    def echo(self):
        ns, tap = self.device("kill")
        with ns.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
            path = self.work / f"{self.kills}.pcap"
            payload = self.random.randbytes(300)
            wanted = self.kill_under(
                ns, lambda: s.sendto(payload, (STACK, 7)), "run", f"{tap} | pcap({path}) | ip({STACK}/24) | udp(7) | echo")
        self.whole(path, wanted)
        self.assertEqual(ns.close(), [])

    def forward(self):
        ns, tap = self.device("kill")
        with ns.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
            s.setsockopt(socket.SOL_SOCKET, socket.SO_BROADCAST, 1)
            path = self.work / f"{self.kills}.pcap"
            payload = self.random.randbytes(300)
            wanted = self.kill_under(
                ns, lambda: s.sendto(payload, ("10.0.0.255", 9)), "run", f"{tap} | pcap({path}) | tap(tap1)")
        self.whole(path, wanted)
        self.assertEqual(ns.close(), [])

    def vhost_user(self):
        ns = self.namespace("kill")
        path = f"{self.work}/{self.kills}.sock"
        capture = self.work / f"{self.kills}.pcap"
        frame = bytes(12) + b"\x88\xb5" + self.random.randbytes(100)
        with BackEnd(path) as device:
            def send():
                device.send(frame, seconds=0.05)
                device.receive(0.01)

            self.kill_under(ns, send, "run", f"vhost-user({path}) | pcap({capture}) | loopback")
            self.assertTrue(wait_until(lambda: device.connection is None, 10), "the connection is left behind")
        self.whole(capture, False)
        self.assertEqual(ns.close(), [])
