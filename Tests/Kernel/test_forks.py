"""Forks against the kernel: several users above one host, each with its own ports, its own account and perhaps its own CPU."""

import os
import socket

import captures
from harness import STACK, TAP, Case
from traffic import check_window, echoes, every_length, ping

FORK = f"{TAP} | ip({STACK}/24) {{ udp(7) | echo; udp(9) | discard }}"


class Forks(Case):
    def setUp(self):
        super().setUp()
        self.ns = self.namespace()

    def unreachable(self, port):
        """Whether a datagram to the port is answered with port unreachable."""
        with self.ns.udp(port) as s:
            for _ in range(20):
                s.send(b"anybody?")
                try:
                    s.recv(100)
                    return False
                except ConnectionRefusedError:
                    return True
                except socket.timeout:
                    pass
        return False

    def stage(self, summary, path):
        return next(s for s in summary.stages if s["path"] == path)

    def check_fork(self, pipeline, paths):
        daemon = self.daemon(self.ns, "run", pipeline)
        self.assertEqual(ping(self.ns, 100), (100, 100))
        with self.ns.udp(7) as s:
            self.assertEqual(every_length(s, range(0, 1473, 7), self.random), [], f"seed {self.seed}")
        with self.ns.udp(9) as s:
            for _ in range(100):
                s.send(b"to nobody")
        echoes(self, self.ns)
        self.assertTrue(self.unreachable(11), "no answer to a datagram for a closed port")
        check_window(self, self.ns, 10_000)
        summary = daemon.stop().check(self)
        self.assertEqual([s["path"] for s in summary.stages], paths)
        self.assertEqual(self.stage(summary, paths[-1])["transmitted"]["packets"], 100)
        return summary

    def test_two_services(self):
        paths = ["tap", "ip", "ip/udp:7", "ip/udp:7/echo", "ip/udp:9", "ip/udp:9/discard"]
        summary = self.check_fork(FORK, paths)
        echoed = self.stage(summary, "ip/udp:7/echo")["transmitted"]["packets"]
        self.assertGreaterEqual(echoed, 10_000 + 211)
        account = self.stage(summary, "ip/udp:7")["gauges"]
        self.assertEqual(account["lent"], 0)
        self.assertGreater(account["share"], 0)

    def test_branch_on_another_cpu(self):
        pipeline = FORK.replace("udp(7)", "udp(7)@1").replace("/24) {", "/24)@0 {").replace("udp(9)", "udp(9)@0")
        paths = ["tap", "ip", "ip/udp:7", "ip/udp:7/echo", "ip/udp:9", "ip/udp:9/discard"]
        if (os.cpu_count() or 1) < 2:
            self.skipTest("one CPU")
        summary = self.check_fork(pipeline, paths)
        self.assertEqual(self.stage(summary, "ip/udp:7")["cpus"], [1])

    def test_ports_of_one_udp(self):
        paths = ["tap", "ip", "udp", "udp/port:7", "udp/port:7/echo", "udp/port:9", "udp/port:9/discard"]
        self.check_fork(f"{TAP} | ip({STACK}/24) | udp {{ port(7) | echo; port(9) | discard }}", paths)

    def test_nested(self):
        paths = ["tap", "tap/ip", "tap/ip/udp:7", "tap/ip/udp:7/echo", "tap/ip/udp:9", "tap/ip/udp:9/discard",
                 "other", "other/discard"]
        daemon = self.daemon(
            self.ns, "run", f"{TAP} {{ ip({STACK}/24) {{ udp(7) | echo; udp(9) | discard }}; ethertype(0x88b5) as other | discard }}")
        self.assertEqual(ping(self.ns, 100), (100, 100))
        echoes(self, self.ns, 50)
        with self.ns.socket(socket.AF_PACKET, socket.SOCK_RAW) as raw:
            raw.bind(("tap0", 0))
            frame = bytes.fromhex("ffffffffffff 020000000001 88b5") + bytes(46)
            for _ in range(10):
                raw.send(frame)
            raw.send(frame.replace(b"\x88\xb5", b"\x88\xb6"))
        echoes(self, self.ns, 50)
        summary = daemon.stop().check(self)
        self.assertEqual([s["path"] for s in summary.stages], paths)
        self.assertEqual(self.stage(summary, "other/discard")["transmitted"]["packets"], 10)
        self.assertGreaterEqual(self.stage(summary, "tap")["drops"]["unclaimed"], 1)

    def test_capture_of_one_branch(self):
        path = self.work / "nine.pcap"
        daemon = self.daemon(self.ns, "run", f"{TAP} | ip({STACK}/24) {{ udp(7) | echo; pcap({path}) | udp(9) | discard }}")
        with self.ns.udp(9) as s:
            for _ in range(50):
                s.send(b"captured")
        echoes(self, self.ns, 50)
        summary = daemon.stop().check(self)
        self.assertEqual(self.stage(summary, "ip/udp:9/pcap")["received"]["packets"], 50)
        self.assertEqual(len(captures.read(path).records), 50)
