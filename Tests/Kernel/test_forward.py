"""The forwarder: whatever Ethernet carries passes, both ways, unchanged and in order."""

import re
import socket
import struct
import time
import unittest

import captures
from captures import Tcpdump
from harness import Sniffer, wait_until
from traffic import ping
from wire import A, B, MACS, MEGABYTE, Wire


class Forward(Wire):
    def test_ping(self):
        daemon = self.join()
        self.assertEqual(ping(self.a, 300, B), (300, 300))
        self.assertEqual(ping(self.b, 300, A), (300, 300))
        summary = daemon.stop().check(self)
        self.assertEqual(summary.drops, {})
        self.assertGreaterEqual(captures.count(self.capture), 1200)

    def test_ping_without_uring_and_across_cpus(self):
        for pipeline in ("tap(tap0, io: readwrite) | tap(tap1, io: readwrite)", "tap(tap0)@0 | tap(tap1)@1"):
            with self.subTest(pipeline=pipeline):
                daemon = self.join("run", pipeline)
                self.assertEqual(ping(self.a, 100, B), (100, 100))
                self.datagrams(50)
                daemon.stop().check(self)
            self.again()

    def test_tcp_100_megabytes(self):
        daemon = self.join("forward", "tap0", "tap1")
        begun = time.monotonic()
        self.transfer(100 * MEGABYTE)
        self.note(f"{100 * MEGABYTE * 8 / 1e6 / (time.monotonic() - begun):,.0f} Mbit/s")
        summary = daemon.stop().check(self)
        self.assertGreater(summary.stages[0]["received"]["bytes"], 100 * MEGABYTE)
        self.assertGreater(summary.stages[-1]["transmitted"]["bytes"], 100 * MEGABYTE)

    def test_ipv6(self):
        daemon = self.join()
        self.ipv6()
        link_local = wait_until(lambda: re.search(r"inet6 (fe80::\S+)/64", self.b.ip("-6", "address", "show", "dev", "tap1")))
        self.assertEqual(ping(self.a, 3, "fd00::b", 0.01, "-6"), (3, 3))
        self.assertEqual(ping(self.a, 3, f"{link_local[1]}%tap0", 0.01, "-6"), (3, 3))
        self.assertIn(MACS["b"], self.a.ip("-6", "neigh", "show", "fd00::b"))
        daemon.stop().check(self)
        self.assertGreaterEqual(len(captures.tcpdump(self.capture, "icmp6 and ip6[40] == 135")), 2, "solicitations captured")

    def test_vlan(self):
        """Tagged and doubly tagged frames arrive as they were, also the largest, of 1518 bytes."""
        daemon = self.join()
        ping(self.a, 1, B)
        for to, ns, tap in (("b", self.b, "tap1"), ("a", self.a, "tap0")):
            dump = Tcpdump(self, ns, tap, self.work / f"{to}.pcap", "ether proto 0x8100 or ether proto 0x88a8 or vlan")
            sent = self.tagged(to, 200)
            wait_until(lambda: dump.path.stat().st_size >= 24 + sum(len(f) + 16 for f in sent))
            self.assert_frames([r.data for r in dump.stop()], sent, f"tagged frames to {to}")
        summary = daemon.stop().check(self)
        self.assertEqual(summary.drops, {})
        self.assertGreaterEqual(len(captures.tcpdump(self.capture, "ether[12:2] = 0x8100 or ether[12:2] = 0x88a8")), 400)

    def test_vlan_interfaces(self):
        daemon = self.join()
        for ns, tap, address in ((self.a, "tap0", "10.7.0.1"), (self.b, "tap1", "10.7.0.2")):
            try:
                ns.ip("link", "add", "link", tap, "name", "vlan", "type", "vlan", "id", 7)
            except AssertionError as error:
                self.skipTest(f"this kernel has no VLAN interfaces ({str(error).split('Error: ')[-1]})")
            ns.ip("address", "add", f"{address}/24", "dev", "vlan")
            ns.ip("link", "set", "vlan", "up")
        self.assertEqual(ping(self.a, 20, "10.7.0.2"), (20, 20))
        daemon.stop().check(self)
        self.assertEqual(len(captures.tcpdump(self.capture, "vlan 7 and icmp")), 40)

    def test_any_frame(self):
        """Random types and sizes from the smallest to the largest that Ethernet allows, unchanged and in order."""
        daemon = self.join()
        for here, there, tap, other in ((self.a, self.b, "tap0", "tap1"), (self.b, self.a, "tap1", "tap0")):
            sniffer = Sniffer(there, other)
            self.closing(sniffer.socket)
            with here.entered():
                raw = self.closing(socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0))
                raw.bind((tap, 0))
            frames = []
            for size in [14, 15, 59, 60, 61, 1513, 1514, *(self.random.randint(14, 1514) for _ in range(393))]:
                type_ = self.random.choice((self.random.randint(0, 1500), self.random.randint(0x0600, 0x80FF), 0x88B5, 0xFFFF))
                frames.append((b"\2\0\0\0\0\x99\2\0\0\0\0\x98" + struct.pack("!H", type_) + self.random.randbytes(1500))[:size])
                raw.send(frames[-1])
                if len(frames) % 100 == 0:
                    ping(here, 1, B if here is self.a else A)  # the queue of a TAP holds 500
            arrived = []
            wait_until(lambda: arrived.extend(f for f in sniffer.frames()[1] if f[:6] == frames[0][:6]) or len(arrived) >= len(frames))
            self.assert_frames(arrived, frames)
        daemon.stop().check(self)

    def test_leaves_nothing(self):
        daemon = self.join()
        ping(self.a, 1, B)
        daemon.stop().check(self)
        for ns in (self.a, self.b):
            self.assertTrue(wait_until(lambda: list(ns.links()) == ["lo"]), "a TAP outlived its daemon in another namespace")


if __name__ == "__main__":
    unittest.main()
