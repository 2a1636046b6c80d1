"""Two hosts in two namespaces, joined by the forwarder in a third, and what they say to each other."""

import hashlib
import random
import socket
import struct
import threading
import time
from pathlib import Path

from harness import Case

A, B = "10.1.0.1", "10.1.0.2"
MACS = {"a": "02:00:00:00:00:0a", "b": "02:00:00:00:00:0b"}
MEGABYTE = 1 << 20


class Wire(Case):
    """The daemon lives in a namespace of its own; its two TAPs are moved to the namespaces of the two hosts."""

    def join(self, *arguments):
        middle = self.namespace("m")
        self.a, self.b = self.namespace("a"), self.namespace("b")
        self.capture = self.work / "f.pcap"
        daemon = self.daemon(middle, *(arguments or ("forward", "tap0", "tap1", "--write", self.capture)))
        for ns, tag, tap, address in ((self.a, "a", "tap0", A), (self.b, "b", "tap1", B)):
            middle.ip("link", "set", tap, "netns", ns.name)
            ns.ip("link", "set", tap, "address", MACS[tag])
            ns.ip("address", "add", f"{address}/24", "dev", tap)
            ns.ip("link", "set", tap, "up")
        return daemon

    def again(self):
        """Clears away, so that a test can join once more."""
        self.doCleanups()
        self.setUp()

    def ipv6(self):
        for ns, tap, address in ((self.a, "tap0", "fd00::a"), (self.b, "tap1", "fd00::b")):
            with ns.entered():
                Path(f"/proc/sys/net/ipv6/conf/{tap}/accept_dad").write_text("0")
            ns.ipv6(tap, True)
            ns.ip("-6", "address", "add", f"{address}/64", "dev", tap, "nodad")

    def tagged(self, to, count):
        """Sends VLAN-tagged frames of several sorts to one of the hosts, by a raw socket; returns them."""
        here, tap = (self.a, "tap0") if to == "b" else (self.b, "tap1")
        mac = {tag: bytes.fromhex(text.replace(":", "")) for tag, text in MACS.items()}
        frames = []
        with here.entered():
            raw = self.closing(socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0))
            raw.bind((tap, 0))
        for i in range(count):
            type_, largest = ((0x8100, 1500), (0x88A8, 1496))[i % 2]  # the kernel lets only 802.1Q have its four bytes more
            tag = struct.pack("!HH", type_, self.random.getrandbits(16))
            inner = struct.pack("!HH", 0x8100, 7) if i % 3 == 0 else b""
            data = self.random.randbytes(self.random.randint(46, largest - len(inner)) if i >= 4 else largest - len(inner))
            frames.append(mac[to] + mac["a" if to == "b" else "b"] + tag + inner + b"\x88\xb5" + data)
            raw.send(frames[-1])
        return frames

    def silence(self):
        """Stops what the kernels send by themselves, and lets what is under way arrive."""
        for ns, tap in ((self.a, "tap0"), (self.b, "tap1")):
            ns.ipv6(tap, False)
            ns.ip("address", "flush", "dev", tap)
        last = None
        for _ in range(15):
            now = [self.a.links()["tap0"]["stats64"], self.b.links()["tap1"]["stats64"]]
            if now == last:
                break
            last = now
            time.sleep(0.2)

    def transfer(self, size):
        """Sends `size` bytes from A to B by TCP; both digests and the rate."""
        listener = self.closing(self.b.socket(socket.AF_INET, socket.SOCK_STREAM))
        listener.bind((B, 5001))
        listener.listen()
        got = {"digest": hashlib.sha256(), "size": 0}

        def receive():
            listener.settimeout(10)
            peer, _ = listener.accept()
            peer.settimeout(20)
            with peer:
                while data := peer.recv(MEGABYTE):
                    got["digest"].update(data)
                    got["size"] += len(data)
                peer.sendall(got["digest"].digest())

        receiver = threading.Thread(target=receive, daemon=True)
        receiver.start()
        digest, rng = hashlib.sha256(), random.Random(self.seed)
        with self.a.socket(socket.AF_INET, socket.SOCK_STREAM) as s:
            s.settimeout(20)
            s.connect((B, 5001))
            for _ in range(size // MEGABYTE):
                block = rng.randbytes(MEGABYTE)
                digest.update(block)
                s.sendall(block)
            s.shutdown(socket.SHUT_WR)
            answer = s.recv(32, socket.MSG_WAITALL)
        receiver.join(10)
        self.assertEqual(got["size"], size)
        self.assertEqual(answer, digest.digest(), "SHA-256 of what arrived")

    def datagrams(self, count):
        """UDP of all sizes, both ways."""
        with self.a.socket(socket.AF_INET, socket.SOCK_DGRAM) as a, self.b.socket(socket.AF_INET, socket.SOCK_DGRAM) as b:
            for s, address, peer in ((a, A, B), (b, B, A)):
                s.bind((address, 4000))
                s.connect((peer, 4000))
                s.settimeout(2)
            for _ in range(count):
                data = self.random.randbytes(self.random.randint(0, 1472))
                a.send(data)
                self.assertEqual(b.recv(2000), data)
                b.send(data[::-1])
                self.assertEqual(a.recv(2000), data[::-1])
