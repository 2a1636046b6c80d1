"""Signals, and output that nobody takes: the command ends, says why, and never holds up traffic."""

import fcntl
import json
import os
import re
import signal
import subprocess
import time
import unittest

from harness import CLEANQ, ECHO, TAP, Case, wait_until
from traffic import echoes

FAILURE = 1
F_SETPIPE_SZ = 1031


def full_pipe():
    """The two ends of a pipe that takes no byte more, and that nobody reads."""
    reader, writer = os.pipe()
    fcntl.fcntl(writer, F_SETPIPE_SZ, 4096)
    os.set_blocking(writer, False)
    try:
        while True:
            os.write(writer, bytes(4096))
    except BlockingIOError:
        os.set_blocking(writer, True)
    return reader, writer


class Signals(Case):
    def setUp(self):
        super().setUp()
        self.ns = self.namespace()

    def test_end_by_each(self):
        for number, name in ((signal.SIGINT, "SIGINT"), (signal.SIGTERM, "SIGTERM"), (signal.SIGHUP, "SIGHUP")):
            with self.subTest(signal=name):
                daemon = self.daemon(self.ns, "run", ECHO)
                summary = daemon.stop(number).check(self)
                self.assertEqual(summary.json["end"], {"reason": "signal", "text": f"ended by {name}"})

    def test_signal_sent_twice(self):
        """timeout(1) signals its child, and then its process group: one orderly end, whatever lies between the two."""
        for gap in (0, 0.0005, 0.002, 0.005, 0.008, 0.02):
            with self.subTest(gap=gap):
                daemon = self.daemon(self.ns, "run", ECHO)
                echoes(self, self.ns, count=20)
                daemon.process.send_signal(signal.SIGTERM)
                time.sleep(gap)
                if daemon.process.poll() is None:
                    daemon.process.send_signal(signal.SIGTERM)
                summary = daemon.finished().check(self)
                self.assertEqual(summary.json["end"]["text"], "ended by SIGTERM")
                self.assertEqual(summary.stage("udp")["received"]["packets"], 20)
                self.assertNotIn("did not stop", daemon.stderr())

    def test_timeout(self):
        for _ in range(3):
            done = self.ns.run("timeout", "--preserve-status", "2", CLEANQ, "run", "loopback | discard", check=False)
            self.assertEqual(done.returncode, 0, done.stderr)
            self.assertIn("ended by SIGTERM", done.stdout)
            self.assertNotIn("error", done.stderr)

    def test_signals_that_the_runtime_would_catch(self):
        for number in (signal.SIGQUIT, signal.SIGABRT):
            with self.subTest(signal=number.name):
                daemon = self.daemon(self.ns, "run", ECHO)
                daemon.process.send_signal(number)
                self.assertEqual(daemon.process.wait(10), -number, daemon.stderr())
                self.assertNotIn("crashed", daemon.stderr())
        daemon = self.daemon(self.ns, "run", ECHO, prefix=("sh", "-c", 'trap "" QUIT; exec "$@"', "sh"))
        daemon.process.send_signal(signal.SIGQUIT)
        echoes(self, self.ns, count=20)
        daemon.stop().check(self)

    def test_snapshot(self):
        for text in (ECHO, f"{TAP}@0 | checked | ip(10.0.0.2/24) | udp(7)@1 | checked | echo"):
            with self.subTest(pipeline=text):
                if "@1" in text and len(os.sched_getaffinity(0)) < 2:
                    self.skipTest("one CPU only")
                daemon = self.daemon(self.ns, "run", text)
                echoes(self, self.ns, count=50)
                daemon.process.send_signal(signal.SIGUSR2)
                for count in (1, 2):
                    daemon.process.send_signal(signal.SIGUSR1)
                    shots = lambda: [json.loads(line) for line in daemon.stderr().splitlines() if line.startswith("{")]
                    self.assertTrue(wait_until(lambda: len(shots()) >= count, 10), daemon.stderr())
                    echoes(self, self.ns, count=50)
                shot = shots()[0]
                self.assertEqual(shot["end"]["reason"], "running")
                udp = next(s for s in shot["stages"] if s["name"] == "udp")
                self.assertEqual(udp["received"]["packets"], 50)
                self.assertGreater(udp["received"]["packetsPerSecond"], 0)
                self.assertTrue(all("failure" not in s for s in shot["stages"]), shot)
                summary = daemon.stop().check(self)
                for stage in summary.stages:
                    self.assertEqual(stage["counters"].get("violations", 0), 0)
                tap = summary.stage("tap")
                self.assertIn("uring", tap["gauges"])
                self.assertEqual(tap["counters"]["empty-reads"] >= 0, True)  # printed though it may be zero

    def test_ignored_stays_ignored(self):
        """nohup, and the background jobs of a shell."""
        daemon = self.daemon(self.ns, "run", ECHO, prefix=("sh", "-c", 'trap "" HUP INT; exec "$@"', "sh"))
        for number in (signal.SIGHUP, signal.SIGINT):
            daemon.process.send_signal(number)
        echoes(self, self.ns, count=50)
        daemon.stop(signal.SIGTERM).check(self)

    def test_rates(self):
        daemon = self.daemon(self.ns, "run", "--stats", "1", ECHO)
        echoes(self, self.ns, count=50)
        lines = lambda: [line for line in daemon.stderr().splitlines() if " packets/s " in line]
        self.assertTrue(wait_until(lambda: len(lines()) >= 2, 20), daemon.stderr())
        self.assertRegex(lines()[0], r"^[0-9.]+ s: tap up .* bit/s, down .*; ip up .*; udp up .*; echo up ")
        daemon.stop().check(self)

    def test_source_at_its_end(self):
        import captures
        path = captures.write(self.work / "in.pcap", [bytes(60)])
        daemon = self.daemon(self.ns, "run", f"pcap({path}, read) | count | discard", ready=False)
        end = daemon.finished().json["end"]
        self.assertEqual(end["reason"], "completed")
        self.assertIn("end of the file", end["text"])

    def test_reason_is_true(self):
        """Who ended the pipeline is named, and not who was told to stop then."""
        import captures
        path = captures.write(self.work / "big.pcap", [bytes(60)] * 5000)
        out = self.work / "o.pcap"
        for text, stage, reason in (
            (f"pcap({path}, read) | pcap({out}, count: 5) | discard", str(out), "the capture is complete"),
            (f"pcap({path}, read, count: 7) | count | discard", str(path), "the requested number of frames was read"),
            (f"pcap({path}, read) | pcap({out}) | discard", str(path), "end of the file"),
        ):
            with self.subTest(pipeline=text):
                end = self.daemon(self.ns, "run", text, ready=False).finished().json["end"]
                self.assertEqual(end["reason"], "completed")
                self.assertRegex(end["text"], f"^ended by (pcap-2: )?pcap\\({stage}.*\\): {reason}$")

    def test_accounts(self):
        """As many buffers at the start, in a snapshot and at the end; and nothing at a device where there is none."""
        daemon = self.daemon(self.ns, "run", ECHO)
        echoes(self, self.ns, count=20)
        daemon.process.send_signal(signal.SIGUSR1)
        shots = lambda: [json.loads(line) for line in daemon.stderr().splitlines() if line.startswith("{")]
        self.assertTrue(wait_until(lambda: shots(), 10), daemon.stderr())
        end = daemon.stop().check(self).json["accounts"]
        start = re.search(r'buffers="(\d+) of', daemon.stderr())[1]
        self.assertEqual((shots()[0]["accounts"]["buffers"], end["buffers"]), (int(start), int(start)))
        if len(os.sched_getaffinity(0)) < 2:
            self.skipTest("one CPU only")
        import captures
        path = captures.write(self.work / "in.pcap", [bytes(60)] * 100)
        for mark in ("", "@1"):
            with self.subTest(mark=mark):
                text = f"pcap({path}, read)@0 | count{mark} | discard"
                accounts = self.daemon(self.ns, "run", text, ready=False).finished().check(self).json["accounts"]
                self.assertEqual(accounts["atPeerBytes"], 0)
                self.assertEqual(accounts["inFlightBytes"] + accounts["ownedBytes"], accounts["registeredBytes"])

    def test_message_first(self):
        daemon = self.daemon(self.ns, "run", ECHO)
        daemon.stop().check(self)
        self.assertRegex(daemon.stderr(), r"(?m)^\S+ notice: running threads=1$")


class Output(Case):
    def setUp(self):
        super().setUp()
        self.ns = self.namespace()

    def test_standard_output_full_or_closed(self):
        for arguments in (("stages",), ("check", ECHO), ("--help",), ("--version",), ("devices",), ("devices", "--json"), ("run", "--help")):
            for way in (">/dev/full", ">&-"):
                with self.subTest(arguments=arguments, way=way):
                    done = self.ns.run("sh", "-c", f'exec "$@" {way}', "sh", CLEANQ, *arguments, check=False)
                    self.assertEqual(done.returncode, FAILURE, done.stderr)
                    self.assertRegex(done.stderr, r"^error: standard output: .+\n$")

    def test_summary_lost(self):
        for way in (">/dev/full", ">&-"):
            for flags in ((), ("--json",)):
                with self.subTest(way=way, flags=flags):
                    daemon = self.daemon(self.ns, "run", *flags, ECHO, json=False, prefix=("sh", "-c", f'exec "$@" {way}', "sh"))
                    daemon.stop(status=FAILURE)
                    self.assertIn("the summary is lost", daemon.stderr())

    def test_summary_that_nobody_reads(self):
        reader, writer = full_pipe()
        self.addCleanup(os.close, reader)
        self.addCleanup(os.close, writer)
        daemon = self.daemon(self.ns, "run", ECHO, json=False, stdout=writer)
        daemon.process.send_signal(signal.SIGINT)
        self.assertEqual(daemon.process.wait(10), FAILURE)
        self.assertIn("summary could not be written", daemon.stderr())

    def test_nothing_is_read(self):
        """Both outputs are one full pipe: one signal is enough, and so are two."""
        for count in (1, 2):
            with self.subTest(signals=count):
                reader, writer = full_pipe()
                process = self.child(self.ns.spawn(
                    CLEANQ, "run", ECHO, stdin=subprocess.DEVNULL, stdout=writer, stderr=writer))
                os.close(writer)
                self.assertTrue(wait_until(lambda: "10.0.0.0/24" in self.ns.ip("route"), 10))
                for _ in range(count):
                    process.send_signal(signal.SIGTERM)
                    time.sleep(0.1)
                self.assertEqual(process.wait(10), FAILURE)
                os.close(reader)
                self.assertTrue(wait_until(lambda: "10.0.0.0/24" not in self.ns.ip("route"), 10))

    def test_errors_that_nobody_reads(self):
        """Standard error is a full pipe: traffic goes on, and the end comes."""
        reader, writer = full_pipe()
        self.addCleanup(os.close, reader)
        out = self.work / "out"
        with out.open("w") as file:
            process = self.child(self.ns.spawn(CLEANQ, "run", "--json", "--stats", "1", "--log-level", "debug", ECHO,
                                               stdin=subprocess.DEVNULL, stdout=file, stderr=writer))
        os.close(writer)
        self.assertTrue(wait_until(lambda: "10.0.0.0/24" in self.ns.ip("route"), 10))
        for _ in range(20):
            process.send_signal(signal.SIGUSR1)
        echoes(self, self.ns, count=100)
        process.send_signal(signal.SIGTERM)
        self.assertEqual(process.wait(10), 0)
        self.assertEqual(json.loads(out.read_text())["end"]["text"], "ended by SIGTERM")


if __name__ == "__main__":
    unittest.main()
