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

    def finish(self, process, status=0):
        output, _ = process.communicate(timeout=10)
        self.assertEqual(process.returncode, status, output)
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

    def checked(self, stages, program="FaultyStage", count=1000):
        """Runs frames of a file through stages and back: exit status, standard output, standard error."""
        path = captures.write(self.work / "in.pcap", [bytes([2] * 12 + [8, 0]) + bytes(60) for _ in range(count)])
        text = f"pcap({path}, read) | {stages} | loopback"
        arguments = ["run", text] if program == CLEANQ else [text]
        result = subprocess.run([BINARIES / program, *arguments], capture_output=True, text=True, timeout=30)
        return result.returncode, result.stdout, result.stderr

    def test_faulty_stage_is_reported(self):
        for fault, kind, call, says in (
            ("lose", "lost", "accounts", "bytes were handed down and are nowhere"),
            ("reorder", "hand-back-changed", "transmit", "what was not taken came back changed, or in another order"),
            ("conceal", "hand-back-unexplained", "transmit", "bytes were not taken, and no reason given"),
        ):
            with self.subTest(fault):
                status, output, log = self.checked(f"checked | faulty({fault}) | checked")
                self.assertEqual(status, 1, output + log)
                # What, where, when.
                line = next((line for line in log.splitlines() if "ownership violated" in line), "")
                self.assertRegex(line, rf"error.*ownership violated: {kind}: .*{says}.*; in {call} of faulty at \d+ ns, operation \d+")
                if kind == "hand-back-changed":
                    self.assertRegex(line, r"; buffer \d+\+\d+ of region .*; last events: .*transmit")
                # The counter is at the check above the stage, and the one below it has nothing to say.
                below, above = [line for line in output.splitlines() if line.startswith("checked:")]
                self.assertIn("violations=0", below)
                self.assertRegex(above, rf" violations=[1-9]\d* .*\b{kind}=[1-9]")
                reported = [line for line in log.splitlines() if "ownership violated" in line]
                self.assertLessEqual(len(reported), 16)

    def test_faulty_stage_stops_the_pipeline(self):
        status, output, log = self.checked("faulty(reorder) | checked(stop)", count=20_000)
        self.assertEqual(status, 1, output + log)
        above = next(line for line in output.splitlines() if line.startswith("checked(stop):"))
        self.assertLess(int(above.split("up ")[1].split()[0]), 20_000)
        self.assertIn("lost 0", output)

    def test_checks_of_the_command(self):
        status, output, log = self.checked("checked(stop) | count | checked", program=CLEANQ)
        self.assertEqual(status, 0, output + log)
        self.assertNotIn("error", log)
        self.assertNotIn("violations", output)
        self.assertIn("count", output)

    def test_usage(self):
        ns = self.namespace()
        for name in ("EchoDaemon", "CapturingForwarder", "EmbeddedQueue", "FaultyStage"):
            process = self.child(ns.spawn(BINARIES / name, stdout=subprocess.PIPE, text=True))
            self.assertIn("usage: " + name, self.finish(process, 64))

    def test_mistakes(self):
        """One line each, and no trap."""
        ns = self.namespace()
        for name, *arguments in (("EchoDaemon", "tap0", "10.0.0.0/24", "7"), ("EmbeddedQueue", "tap0", "10.0.0.300/24", "7", "1"),
                                 ("CapturingForwarder", "tap0", "tap1", "/nowhere/f.pcap", "icmp"),
                                 ("FaultyStage", "pcap(/nowhere.pcap, read) | faulty(lose) | discard")):
            process = self.child(ns.spawn(BINARIES / name, *arguments, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True))
            said = self.finish(process, 1)
            # Before it, at most a notice of what was made and taken back.
            self.assertRegex(said, r"\A(\S+ notice [^\n]*\n)?error: [^\n]*\n\Z")
        self.assertNotIn("tap", ns.ip("-o", "link"))


if __name__ == "__main__":
    unittest.main()
