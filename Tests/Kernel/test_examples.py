"""The programs in Examples/ do what they say, with the kernel as peer."""

import signal
import subprocess
import unittest
from pathlib import Path

import captures
from harness import CLEANQ, KERNEL, STACK, wait_until
from traffic import echoes, ping
from wire import A, B, MACS, Wire

BINARIES = Path(CLEANQ).parent


class Examples(Wire):
    def program(self, ns, name, *arguments):
        path = BINARIES / name
        if not path.exists():
            self.skipTest(f"{name} is not built: swift build -c release")
        process = self.child(ns.spawn(path, *arguments, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True))
        wait_until(lambda: "tap0" in ns.ip("-o", "link") or process.poll() is not None)
        return process

    def finish(self, process):
        output, _ = process.communicate(timeout=10)
        self.assertEqual(process.returncode, 0, output)
        return output

    def test_echo_daemon(self):
        ns = self.namespace()
        process = self.program(ns, "EchoDaemon", "tap0", f"{STACK}/24", "7")
        ns.ip("address", "add", f"{KERNEL}/24", "dev", "tap0")
        self.assertEqual(ping(ns, 20), (20, 20))
        echoes(self, ns, count=100, size=1000)
        process.send_signal(signal.SIGINT)
        self.assertIn("echo 100 100", self.finish(process))

    def test_capturing_forwarder(self):
        middle = self.namespace("m")
        self.a, self.b = self.namespace("a"), self.namespace("b")
        capture = self.work / "f.pcap"
        process = self.program(middle, "CapturingForwarder", "tap0", "tap1", capture, "icmp")
        self.assertTrue(wait_until(lambda: "tap1" in middle.ip("-o", "link")))
        for ns, tag, tap, address in ((self.a, "a", "tap0", A), (self.b, "b", "tap1", B)):
            middle.ip("link", "set", tap, "netns", ns.name)
            ns.ip("link", "set", tap, "address", MACS[tag])
            ns.ip("address", "add", f"{address}/24", "dev", tap)
            ns.ip("link", "set", tap, "up")
        self.assertEqual(ping(self.a, 50, B), (50, 50))
        process.send_signal(signal.SIGTERM)
        self.finish(process)
        self.assertEqual(captures.count(capture), 100)

    def test_embedded_queue(self):
        ns = self.namespace()
        process = self.program(ns, "EmbeddedQueue", "tap0", f"{STACK}/24", "7", "3")
        ns.ip("address", "add", f"{KERNEL}/24", "dev", "tap0")
        with ns.udp() as s:
            for text in (b"one", b"Two, and a half", b"x" * 1400):
                s.send(text)
                self.assertEqual(s.recv(2048), text.upper())
        self.finish(process)

    def test_usage(self):
        ns = self.namespace()
        for name in ("EchoDaemon", "CapturingForwarder", "EmbeddedQueue"):
            process = self.child(ns.spawn(BINARIES / name, stdout=subprocess.PIPE, text=True))
            self.assertIn("usage: " + name, self.finish(process))


if __name__ == "__main__":
    unittest.main()
