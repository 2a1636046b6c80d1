"""What an IP host must not do, and what it must say: no amplifier, no loop, true counters, conflicts that are told."""

import socket
import struct
import time
import unittest

from frames import ARP_REPLY, ARP_REQUEST, ETH, L4, SRC, DST, Builder, ip_sum, put, udp_sum, with_ip
from harness import ECHO, KERNEL, STACK, Case, Sniffer, wait_until
from traffic import echo, echoes, ping

SERVICES = (1, 9, 13, 17, 19, 37, 53, 69, 123, 161, 389, 1900, 5353, 11211)
GROUP = b"\x01\x00\x5e\x00\x00\x01"
BROADCAST = b"\xff" * 6


class Host(Case):
    """A daemon, a raw socket towards it and a watcher of what crosses."""

    def start(self, pipeline=ECHO):
        self.ns = self.namespace()
        self.stack = self.daemon(self.ns, "run", pipeline.replace("/24)", "/24, offload: no)", 1))
        echoes(self, self.ns, count=1, port=7)
        mac = self.ns.ip("neigh", "show", STACK).split("lladdr ")[1].split()[0]
        self.ns.ip("neigh", "replace", STACK, "lladdr", mac, "dev", "tap0", "nud", "permanent")
        self.builder = Builder(self.ns.mac(), mac)
        with self.ns.entered():
            self.raw = self.closing(socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0))
            self.raw.bind(("tap0", 0))
        self.sniffer = Sniffer(self.ns)
        self.closing(self.sniffer.socket)

    def answers(self, *frames):
        """Sends frames, then a datagram that is answered; what else was sent by the stack until then."""
        self.sniffer.frames()
        for frame in frames:
            self.raw.send(frame)
        marker = self.random.randbytes(16)
        with self.ns.udp() as s:
            self.assertIsNone(echo(s, marker))
        return [f for f in self.sniffer.frames()[1] if marker not in f and f[12:14] == b"\x08\x00"]

    def udp(self, source_port, destination=STACK, mac=None, payload=b"anyone?"):
        frame = put(self.builder.udp(payload), L4, source_port, 2)
        frame = udp_sum(with_ip(frame, DST, socket.inet_aton(destination)))
        return put(frame, 0, mac) if mac else frame


class Echo(Host):
    """UDP echo is no amplifier and no loop."""

    pipeline = ECHO.replace("udp(7)", "udp(7, 4007)")

    def test_services(self):
        self.start(self.pipeline)
        self.assertEqual(self.answers(*(self.udp(port) for port in SERVICES)), [])
        self.assertEqual(self.answers(self.udp(7), self.udp(4007)), [])
        self.assertEqual(self.answers(self.udp(0), self.udp(0)), [])
        self.assertEqual(len(self.answers(self.udp(1024), self.udp(40_000))), 2)
        drops = self.stack.stop().check(self).stage("echo")["drops"]
        self.assertEqual(drops, {"service-source-port": len(SERVICES), "own-source-port": 2, "zero-source-port": 2})

    def test_services_answered_when_asked_for(self):
        self.start(self.pipeline.replace("| echo", "| echo(services: yes)"))
        self.assertEqual(len(self.answers(self.udp(53), self.udp(4007))), 2)
        self.assertEqual(self.answers(self.udp(0)), [])
        drops = self.stack.stop().check(self).stage("echo")["drops"]
        self.assertEqual(drops, {"zero-source-port": 1})

    def test_broadcast(self):
        self.start(self.pipeline)
        wanted = 0
        for destination in ("10.0.0.255", "255.255.255.255"):
            for mac in (BROADCAST, None):
                for port in (40_000, 7):
                    self.assertEqual(self.answers(self.udp(port, destination, mac)), [], (destination, mac, port))
                    wanted += 1
        for destination, mac in (("224.0.0.1", GROUP), ("224.0.0.1", None), (STACK, GROUP), (STACK, BROADCAST)):
            self.assertEqual(self.answers(self.udp(40_000, destination, mac)), [], (destination, mac))
        summary = self.stack.stop().check(self)
        self.assertEqual(summary.stage("echo")["drops"], {"broadcast": wanted})
        # RFC 1122 § 3.3.6.
        self.assertEqual(summary.stage("ip")["drops"], {"unicast-in-broadcast": 1, "not-our-mac": 2, "not-our-address": 1})

    def test_two_echo_services(self):
        """One forged datagram between two of them starts nothing."""
        self.start(self.pipeline)
        with self.ns.entered():
            other = self.closing(socket.socket(socket.AF_INET, socket.SOCK_DGRAM))
        other.bind((KERNEL, 7))
        other.settimeout(0.5)
        for port in (7, 4007):
            other.sendto(b"forged", (STACK, port))
        self.assertRaises(socket.timeout, other.recv, 100)
        self.assertEqual(self.stack.stop().check(self).stage("echo")["drops"], {"own-source-port": 2})


class EchoAcrossThreads(Echo):
    pipeline = Echo.pipeline.replace(" | ip", "@0 | ip", 1).replace(" | echo", "@1 | echo")


if __name__ == "__main__":
    unittest.main()
