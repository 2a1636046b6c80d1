"""What an IP host must not do, and what it must say: no amplifier, no loop, true counters, conflicts that are told."""

import socket
import time
import unittest

from frames import ARP_REPLY, DST, L4, SRC, Builder, put, udp_sum, with_ip
from harness import ECHO, KERNEL, STACK, TAP, Case, Sniffer, wait_until
from traffic import echo, echoes, ping

SERVICES = (1, 9, 13, 17, 19, 37, 53, 69, 123, 161, 389, 1900, 5353, 11211)
GROUP = b"\x01\x00\x5e\x00\x00\x01"
BROADCAST = b"\xff" * 6


def of(stage, drops):
    """Drops of one stage, as a summary has them."""
    return {(stage, reason): n for reason, n in drops.items()}


def echo_drops(summary):
    return {reason: n for (stage, reason), n in summary.drops.items() if stage == "echo"}


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
        drops = echo_drops(self.stack.stop().check(self))
        self.assertEqual(drops, {"service-source-port": len(SERVICES), "own-source-port": 2, "zero-source-port": 2})

    def test_services_answered_when_asked_for(self):
        self.start(self.pipeline.replace("| echo", "| echo(services: yes)"))
        self.assertEqual(len(self.answers(self.udp(53), self.udp(4007))), 2)
        self.assertEqual(self.answers(self.udp(0)), [])
        drops = echo_drops(self.stack.stop().check(self))
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
        # RFC 1122 § 3.3.6.
        ip = {"unicast-in-broadcast": 1, "not-our-mac": 2, "not-our-address": 1}
        self.assertEqual(summary.drops, of("echo", {"broadcast": wanted}) | of("ip", ip))

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
        self.assertEqual(echo_drops(self.stack.stop().check(self)), {"own-source-port": 2})


class EchoAcrossThreads(Echo):
    pipeline = Echo.pipeline.replace(" | ip", "@0 | ip", 1).replace(" | echo", "@1 | echo")


class ReturnRoute(Host):
    """A sender outside the prefix: one rule for ping, datagrams and errors, and the counters tell what was sent."""

    STRANGER = "192.0.2.1"

    def probe(self):
        """A ping, a datagram, one for a closed port and one of an unknown protocol, from outside; the answers."""
        source = socket.inet_aton(self.STRANGER)
        frames = [self.builder.icmp(b"ping", type=8), self.builder.udp(b"datagram"), self.builder.udp(b"closed", port=9),
                  self.builder.ip(99, b"protocol")]
        frames = [with_ip(f, SRC, source) for f in frames]
        frames[1:3] = [udp_sum(f) for f in frames[1:3]]
        return [f for f in self.answers(*frames) if f[DST:DST + 4] == source]

    def test_without_gateway(self):
        self.start()
        self.assertEqual(self.probe(), [])
        summary = self.stack.stop().check(self)
        ip = {"no-return-route": 1, "no-route": 2, "unknown-protocol": 1}
        self.assertEqual(summary.drops, of("ip", ip) | of("udp", {"closed-port": 1}))
        counters = summary.stage("ip")["counters"]
        self.assertEqual((counters.get("icmp-echo-replies", 0), counters.get("icmp-errors-sent", 0)), (0, 0))
        self.assertEqual(summary.stage("udp")["counters"]["icmp-errors-made"], 1)

    def test_with_gateway(self):
        self.start(ECHO.replace(f"ip({STACK}/24", f"ip({STACK}/24, gateway: {KERNEL}"))
        answers = self.probe()
        self.assertEqual(sorted(f[23] for f in answers), [1, 1, 1, 17])
        summary = self.stack.stop().check(self)
        counters = summary.stage("ip")["counters"]
        self.assertEqual((counters["icmp-echo-replies"], counters["icmp-errors-sent"]), (1, 2))
        self.assertEqual(summary.drops, of("ip", {"unknown-protocol": 1}) | of("udp", {"closed-port": 1}))

    def test_shorthand(self):
        """A client in another network, behind the kernel as router."""
        ns = self.namespace()
        daemon = self.daemon(ns, "echo", "tap0", "--address", f"{STACK}/24", "--gateway", KERNEL)
        ns.ip("address", "replace", f"{KERNEL}/24", "dev", "tap0")
        ns.ip("address", "add", f"{self.STRANGER}/32", "dev", "lo")
        s = self.closing(ns.socket(socket.AF_INET, socket.SOCK_DGRAM))
        s.bind((self.STRANGER, 0))
        s.connect((STACK, 7))
        s.settimeout(2)
        self.assertIsNone(echo(s, b"from another network"))
        self.assertEqual(ping(ns, 3, STACK, 0.1, "-I", self.STRANGER), (3, 3))
        self.assertIn(f"gateway: {KERNEL}", daemon.stop().check(self).json["pipeline"])


class Neighbours(Host):
    """What happens on the link is told, with both addresses, and not only counted."""

    def lines(self, *words):
        return [line for line in self.stack.stderr().splitlines() if "warning" in line and all(word in line for word in words)]

    def test_changed_neighbour(self):
        self.start()
        old, new = self.ns.mac(), "02:00:00:00:00:77"
        self.ns.ip("link", "set", "tap0", "address", new)
        self.raw.send(Builder(new, "ff:ff:ff:ff:ff:ff").arp())
        self.assertTrue(wait_until(lambda: self.lines(KERNEL, old, new)), self.stack.stderr())
        self.assertEqual(self.stack.stop().check(self).stage("ip")["counters"]["arp-neighbors-changed"], 1)

    def test_address_conflict(self):
        self.start()
        other, ours = "02:00:00:00:00:99", self.builder.stack_mac
        for _ in range(50):
            self.raw.send(self.builder.arp(op=ARP_REPLY, hwsrc=other, psrc=STACK, pdst=KERNEL))
        self.assertTrue(wait_until(lambda: self.lines(STACK, other, ours)), self.stack.stderr())
        echoes(self, self.ns)
        summary = self.stack.stop().check(self)
        self.assertEqual(summary.drops, of("ip", {"arp-address-conflict": 50}))
        self.assertLess(len(self.lines(other)), 10, "limited in rate")


class Time(Host):
    """What needs time works wherever a stage stands."""

    PLACEMENTS = (f"{TAP} | ip({STACK}/24) | udp(7) | echo", f"{TAP}@0 | ip({STACK}/24) | udp(7)@1 | echo",
                  f"{TAP}@0 | ip({STACK}/24)@1 | udp(7) | echo", f"{TAP} | ip({STACK}/24)@0 | udp(7)@1 | echo")

    def test_errors_go_on(self):
        """Fifty ICMP errors at once use the limit up; a moment later there are more."""
        for pipeline in self.PLACEMENTS:
            with self.subTest(pipeline):
                self.start(pipeline)
                closed = udp_sum(put(self.udp(40_000), L4 + 2, 9, 2))
                count = 0
                for _ in range(40):
                    count += len([f for f in self.answers(*[closed] * 10) if f[23] == 1])
                    time.sleep(0.05)
                self.assertGreater(count, 150, "port-unreachable messages")
                self.stack.stop().check(self)


class Stop(Host):
    """The end of a run: what waits ends under a reason, and no buffer is dropped on the way."""

    def test_spares_are_returned(self):
        self.start()
        self.assertEqual(self.stack.stop().check(self).json["accounts"]["leakedBuffers"], 0)

    def test_waiting_for_a_neighbour(self):
        self.start()
        forged = [udp_sum(with_ip(self.udp(40_000), SRC, socket.inet_aton(f"10.0.0.{n}"))) for n in (77, 77, 78)]
        self.assertEqual(self.answers(*forged), [])
        summary = self.stack.stop().check(self)
        self.assertEqual(summary.drops, of("ip", {"arp-stopped": 3}))
        self.assertEqual(summary.json["accounts"]["leakedBuffers"], 0)


if __name__ == "__main__":
    unittest.main()
