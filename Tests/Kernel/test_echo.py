"""The echo daemon against the kernel's own IP, ICMP and UDP, with each way of input and output."""

import errno
import socket
import time
import unittest
from pathlib import Path

from harness import ECHO, KERNEL, SEVERAL_PORTS, STACK, TAP, Case
from traffic import check_window, echo, echoes, every_length, ping


class EchoBasics:
    """What every variant must do; the subclasses say which pipeline."""

    pipeline, lengths, datagrams, pings = ECHO, range(0, 1473, 7), 20_000, 200

    def start(self):
        ns = self.namespace()
        return ns, self.daemon(ns, "run", self.pipeline)

    def test_ping(self):
        ns, daemon = self.start()
        self.assertEqual(ping(ns, self.pings), (self.pings, self.pings))
        summary = daemon.stop().check(self)
        self.assertGreaterEqual(summary.stage("tap")["received"]["packets"], self.pings)
        self.assertGreaterEqual(summary.stage("tap")["transmitted"]["packets"], self.pings)
        self.assertEqual(summary.drops, {})

    def test_every_length(self):
        ns, daemon = self.start()
        with ns.udp() as s:
            self.assertEqual(every_length(s, self.lengths, self.random), [], f"seed {self.seed}")
        summary = daemon.stop().check(self)
        self.assertEqual(summary.drops, {})
        self.assertEqual(summary.stage("echo")["received"]["packets"], len(self.lengths))
        self.assertEqual(ns.snmp("Udp", "InCsumErrors"), 0)

    def test_window(self):
        ns, daemon = self.start()
        check_window(self, ns, self.datagrams)
        daemon.stop().check(self)

    def test_idle(self):
        """The best of three: whatever else the machine does now and then is none of the daemon's."""
        ns, daemon = self.start()
        echoes(self, ns)
        time.sleep(0.3)
        used, answered = [], []
        for _ in range(3):
            before, begun = cpu_seconds(daemon.pid), time.monotonic()
            time.sleep(2)
            used.append((cpu_seconds(daemon.pid) - before) / (time.monotonic() - begun))
            with ns.udp() as s:
                begun = time.monotonic()
                s.send(b"awake?")
                self.assertEqual(s.recv(100), b"awake?")
                answered.append(time.monotonic() - begun)
        self.note(f"idle {min(used):.3%} of a CPU, first answer after {min(answered) * 1000:.2f} ms")
        self.assertLess(min(used), 0.01, "idle CPU")
        self.assertLess(min(answered), 0.005, "first answer after idling")
        daemon.stop().check(self)


class EchoURing(EchoBasics, Case):
    lengths, datagrams, pings = range(1473), 200_000, 1000


class EchoReadWrite(EchoBasics, Case):
    pipeline = ECHO.replace("/24)", "/24, io: readwrite)", 1)


class EchoNotJoined(EchoBasics, Case):
    pipeline = ECHO.replace("/24)", "/24, offload: no)", 1)
    lengths, datagrams = range(1473), 200_000


class EchoNotJoinedReadWrite(EchoBasics, Case):
    pipeline = ECHO.replace("/24)", "/24, io: readwrite, offload: no)", 1)


class EchoTwoCPUs(EchoBasics, Case):
    pipeline = f"{TAP}@0 | ip({STACK}/24) | udp(7)@1 | echo"


class Host(Case):
    """Ports, neighbours, device settings."""

    def test_closed_port(self):
        ns = self.namespace()
        daemon = self.daemon(ns, "run", ECHO)
        for port in (9, 65535):
            with ns.udp(port) as s:
                s.send(b"anyone?")
                with self.assertRaises(OSError) as raised:
                    s.recv(100)
                self.assertEqual(raised.exception.errno, errno.ECONNREFUSED, f"port {port}")
        echoes(self, ns)
        daemon.stop().check(self)

    def test_several_ports(self):
        ns = self.namespace()
        daemon = self.daemon(ns, "run", ECHO.replace("udp(7)", SEVERAL_PORTS))
        for port in (7, 9, 4007):
            echoes(self, ns, port=port)
        with ns.udp(8) as s:
            s.send(b"anyone?")
            self.assertRaises(ConnectionRefusedError, s.recv, 100)
        daemon.stop().check(self)

    def test_two_clients_at_once(self):
        ns = self.namespace()
        daemon = self.daemon(ns, "run", ECHO)
        ns.ip("address", "add", "10.0.0.9/24", "dev", "tap0")
        sockets = [self.closing(bound(ns, address)) for address in (KERNEL, "10.0.0.9") for _ in range(4)]
        for s in (sockets[0], sockets[-1]):
            self.assertIsNone(echo(s, b"so that the address is resolved"))
        for i, s in enumerate(sockets):
            s.send(b"from %d" % i)
        for i, s in enumerate(sockets):
            self.assertEqual(s.recv(100), b"from %d" % i)
        daemon.stop().check(self)

    def test_neighbour_changes_mac(self):
        ns = self.namespace()
        daemon = self.daemon(ns, "run", ECHO)
        echoes(self, ns)
        for step, flush in enumerate((True, False, True, False)):
            mac = f"02:00:00:00:0{step}:77"
            ns.ip("link", "set", "tap0", "address", mac)
            if flush:
                ns.ip("neigh", "flush", "dev", "tap0")
            with self.subTest(flush=flush):
                self.assertEqual(ns.mac(), mac)
                echoes(self, ns)
                self.assertEqual(ping(ns, 3), (3, 3))
        daemon.stop().check(self)

    def test_mac_and_mtu(self):
        ns = self.namespace()
        mac = "02:11:22:33:44:55"
        daemon = self.daemon(ns, "run", ECHO.replace("/24)", f"/24, mac: {mac}, mtu: 1400)", 1))
        link = ns.links()["tap0"]
        self.assertEqual((link["address"], link["mtu"]), (mac, 1400))
        self.assertIn("UP", link["flags"])
        self.assertIn(f"inet {KERNEL}/24", ns.ip("address", "show", "dev", "tap0"))
        with ns.udp() as s:
            self.assertEqual(every_length(s, (0, 1, 1371, 1372), self.random), [])
        self.assertEqual(ping(ns, 3), (3, 3))
        daemon.stop().check(self)

    def test_shorthand(self):
        ns = self.namespace()
        file = self.work / "f.pcap"
        daemon = self.daemon(ns, "echo", "tap0", "--address", f"{STACK}/24", "--port", "9", "--write", file)
        ns.ip("address", "replace", f"{KERNEL}/24", "dev", "tap0")
        echoes(self, ns, port=9)
        text = daemon.stop().check(self).json["pipeline"]
        for part in ("tap(tap0", "pcap(", f"ip({STACK}/24", "udp(9", "echo"):
            self.assertIn(part, text)
        self.assertGreater(file.stat().st_size, 24)


class Life(Case):
    """Start, stop, crash, again."""

    def test_twenty_in_a_row(self):
        for turn in range(20):
            ns = self.namespace(f"turn{turn}")
            daemon = self.daemon(ns, "run", ECHO)
            echoes(self, ns, count=1)
            daemon.stop(sign=(2, 15)[turn % 2]).check(self)
            self.assertEqual(ns.close(), [], f"left behind in turn {turn}")

    def test_same_namespace_again_and_again(self):
        ns = self.namespace()
        for _ in range(10):
            daemon = self.daemon(ns, "run", ECHO)
            echoes(self, ns, count=1)
            daemon.stop().check(self)
            self.assertNotIn("tap0", ns.links())

    def test_killed_and_started_again(self):
        ns = self.namespace()
        for _ in range(3):
            daemon = self.daemon(ns, "run", ECHO)
            echoes(self, ns)
            daemon.kill()
        daemon = self.daemon(ns, "run", ECHO)
        echoes(self, ns)
        daemon.stop().check(self)

    def test_persistent(self):
        ns = self.namespace()
        ns.keeps.add("tap0")
        for _ in range(2):
            daemon = self.daemon(ns, "run", ECHO.replace("/24)", "/24, persistent: true)", 1))
            echoes(self, ns)
            daemon.stop().check(self)
            self.assertIn("tap0", ns.links())

    def test_attach(self):
        ns = self.namespace()
        ns.make_tap()
        daemon = self.daemon(ns, "run", ECHO)
        echoes(self, ns)
        daemon.stop().check(self)
        self.assertIn("tap0", ns.links(), "a TAP that others made is theirs")

    def test_device_vanishes(self):
        """The TAP is deleted under the daemon: it ends by itself or stops when asked, and does not spin."""
        ns = self.namespace()
        daemon = self.daemon(ns, "run", ECHO)
        echoes(self, ns)
        ns.ip("link", "del", "tap0")
        time.sleep(0.3)
        if daemon.process.poll() is None:
            before = cpu_seconds(daemon.pid)
            time.sleep(1)
            self.assertLess(cpu_seconds(daemon.pid) - before, 0.2, "spins on a device that is gone")
            daemon.process.send_signal(2)
        self.assertIn(daemon.process.wait(10), (0, 1), daemon.stderr())

    def test_link_down_and_up(self):
        ns = self.namespace()
        daemon = self.daemon(ns, "run", ECHO)
        echoes(self, ns)
        for _ in range(5):
            ns.ip("link", "set", "tap0", "down")
            ns.ip("link", "set", "tap0", "up")
            echoes(self, ns)
        daemon.stop().check(self)


def bound(ns, address):
    s = ns.socket(socket.AF_INET, socket.SOCK_DGRAM)
    s.bind((address, 0))
    s.connect((STACK, 7))
    s.settimeout(2)
    return s


def cpu_seconds(pid):
    """CPU time of all threads, to the nanosecond where the kernel keeps schedstat."""
    total = 0.0
    for task in Path(f"/proc/{pid}/task").iterdir():
        try:
            total += int((task / "schedstat").read_text().split()[0]) / 1e9
        except (FileNotFoundError, ProcessLookupError):
            pass
    return total


if __name__ == "__main__":
    unittest.main()
