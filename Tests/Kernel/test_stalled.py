"""Captures and pipes that stall, files that are others', and what signals do to them: the traffic goes on, and the end is prompt."""

import os
import signal
import stat
import subprocess
import time

import captures
from harness import CLEANQ, ECHO, STACK, TAP, Case, takes_signals, wait_until
from traffic import echo, echoes

STOP_SECONDS = 3.0  # a second is promised; the rest is for a busy machine
NOBODY = 65534


class Stalled(Case):
    def setUp(self):
        super().setUp()
        self.ns = self.namespace()

    def overflow(self):
        """More than any queue holds, each datagram answered: 8 MiB of queue and a pipe."""
        payload = self.random.randbytes(1400)
        with self.ns.udp() as s:
            for number in range(4000):
                self.assertIsNone(echo(s, payload), f"datagram {number}")

    def stops(self, daemon, sign=signal.SIGINT, status=0):
        begun = time.monotonic()
        daemon.process.send_signal(sign)
        self.assertEqual(daemon.process.wait(30), status, daemon.stderr())
        self.assertLess(time.monotonic() - begun, STOP_SECONDS)

    def test_reader_of_standard_output_that_stops(self):
        reader, writer = os.pipe()
        self.addCleanup(os.close, reader)
        daemon = self.daemon(self.ns, "run", f"{TAP} | pcap(-) | ip({STACK}/24) | udp(7) | echo", json=False, stdout=writer)
        os.close(writer)
        self.overflow()
        self.stops(daemon)
        said = daemon.stderr()
        self.assertRegex(said, r"not-written [1-9]")
        self.assertEqual(said.count("is too slow for the capture"), 1, said)
        # What is in the pipe is the beginning of a capture: whole records, and a last one that is cut.
        os.set_blocking(reader, False)
        self.assertEqual(os.read(reader, 4), b"\xd4\xc3\xb2\xa1")

    def test_reader_of_a_fifo_that_stops(self):
        path = self.work / "fifo"
        os.mkfifo(path)
        reader = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
        self.addCleanup(os.close, reader)
        daemon = self.daemon(self.ns, "run", f"{TAP} | pcap({path}) | ip({STACK}/24) | udp(7) | echo")
        self.overflow()
        self.stops(daemon)

    def test_log_that_nobody_reads(self):
        """Standard error is a pipe that is full: lines are lost, traffic is not."""
        reader, writer = os.pipe()
        self.addCleanup(os.close, reader)
        os.set_blocking(writer, False)
        try:
            while True:
                os.write(writer, bytes(4096))
        except BlockingIOError:
            pass
        os.set_blocking(writer, True)
        process = self.child(self.ns.spawn(CLEANQ, "run", "--log-level", "debug", ECHO, stdout=subprocess.PIPE, stderr=writer))
        os.close(writer)
        self.assertTrue(wait_until(lambda: "10.0.0.0/24" in self.ns.ip("route"), 10))
        wait_until(lambda: self.answers(), 10)
        echoes(self, self.ns, 50)
        process.send_signal(signal.SIGINT)
        self.assertIn(b"udp", process.communicate(timeout=10)[0])

    def answers(self):
        with self.ns.udp(timeout=0.2) as s:
            return echo(s, b"?") is None

    def test_fifo_without_a_reader(self):
        path = self.work / "fifo"
        os.mkfifo(path)
        for text in (f"{TAP} | pcap({path}) | discard", f"pcap({path}, read) | count | discard"):
            for sign in (signal.SIGINT, signal.SIGTERM):
                with self.subTest(text=text, sign=sign):
                    daemon = self.daemon(self.ns, "run", text, json=False, ready=False)
                    self.assertTrue(takes_signals(daemon.process))
                    time.sleep(0.3)
                    self.assertIsNone(daemon.process.poll(), daemon.stderr())
                    begun = time.monotonic()
                    daemon.process.send_signal(sign)
                    self.assertEqual(daemon.process.wait(30), 0, daemon.stderr())
                    self.assertLess(time.monotonic() - begun, STOP_SECONDS)
        self.assertNotIn("tap0", self.ns.links())

    def test_writer_that_stops_inside_a_record(self):
        frame = bytes(60)
        whole = captures.write(self.work / "in.pcap", [frame] * 3).read_bytes()
        for count in (10, 24, 30, len(whole) - 10):
            with self.subTest(count=count):
                reader, writer = os.pipe()
                os.write(writer, whole[:count])
                process = self.child(self.ns.spawn(
                    CLEANQ, "run", "pcap(-, read) | count | discard", stdin=reader, stdout=subprocess.PIPE, stderr=subprocess.PIPE))
                os.close(reader)
                self.assertTrue(takes_signals(process))
                time.sleep(0.3)
                begun = time.monotonic()
                process.send_signal(signal.SIGINT)
                said = process.communicate(timeout=30)[1]
                self.assertEqual(process.returncode, 0, said)
                self.assertLess(time.monotonic() - begun, STOP_SECONDS)
                os.close(writer)


class Files(Case):
    def setUp(self):
        super().setUp()
        self.ns = self.namespace()
        self.path = self.work / "f.pcap"

    def capturing(self, path=None):
        return self.daemon(self.ns, "run", f"{TAP} | pcap({path or self.path}) | ip({STACK}/24) | udp(7) | echo")

    def test_modes(self):
        self.capturing().stop()
        self.assertEqual(stat.S_IMODE(self.path.stat().st_mode), 0o600)
        self.path.chmod(0o644)
        self.capturing().stop()
        self.assertEqual(stat.S_IMODE(self.path.stat().st_mode), 0o644)

    def test_link_of_another_user(self):
        if os.geteuid() != 0:
            self.skipTest("only root can give a link to another user")
        target, link = self.work / "target", self.work / "link"
        target.write_bytes(b"mine")
        link.symlink_to(target)
        os.lchown(link, NOBODY, NOBODY)
        done = self.ns.run(CLEANQ, "run", f"{TAP} | pcap({link}) | discard", check=False, timeout=10)
        self.assertEqual(done.returncode, 1, done.stderr)
        self.assertIn("link", done.stderr)
        self.assertEqual(target.read_bytes(), b"mine")

    def test_file_that_another_user_left(self):
        """In a folder where everybody may make files, one of another user is not written, nor is a FIFO."""
        if os.geteuid() != 0:
            self.skipTest("only root can give a file to another user")
        folder = self.work / "public"
        folder.mkdir()
        folder.chmod(0o1777)
        left = folder / "left.pcap"
        left.write_bytes(b"mine")
        os.mkfifo(folder / "fifo")
        for name in ("left.pcap", "fifo"):
            os.chown(folder / name, NOBODY, NOBODY)
            reader = os.open(folder / name, os.O_RDONLY | os.O_NONBLOCK)
            done = self.ns.run(CLEANQ, "run", f"{TAP} | pcap({folder / name}) | discard", check=False, timeout=10)
            os.close(reader)
            self.assertEqual(done.returncode, 1, done.stderr)
            self.assertIn(f"user {NOBODY}", done.stderr)
        self.assertEqual(left.read_bytes(), b"mine")
        self.capturing(folder / "new.pcap").stop().check(self)
        folder.chmod(0o755)
        self.capturing(left).stop().check(self)

    def test_nothing_is_emptied_before_all_is_open(self):
        self.path.write_bytes(b"what was there")
        done = self.ns.run(CLEANQ, "run", f"{TAP} | pcap({self.path}) | tap(lo)", check=False, timeout=10)
        self.assertEqual(done.returncode, 1, done.stderr)
        self.assertEqual(self.path.read_bytes(), b"what was there")

    def test_two_processes(self):
        daemon = self.capturing()
        done = self.ns.run(CLEANQ, "run", f"tap(tap1) | pcap({self.path}) | discard", check=False, timeout=10)
        self.assertEqual(done.returncode, 1, done.stderr)
        self.assertIn(str(self.path), done.stderr)
        echoes(self, self.ns, 3)
        daemon.stop().check(self)
        self.assertGreaterEqual(captures.count(self.path), 6)

    def test_killed_early(self):
        for _ in range(10):
            self.path.unlink(missing_ok=True)
            daemon = self.capturing()
            daemon.kill()
            self.assertGreaterEqual(self.path.stat().st_size, 24)
            self.assertEqual(self.path.read_bytes()[:4], b"\xd4\xc3\xb2\xa1")
            wait_until(lambda: "tap0" not in self.ns.links())

    def test_reopened(self):
        daemon = self.capturing()
        echoes(self, self.ns, 5)
        old = self.work / "old.pcap"
        self.path.rename(old)
        daemon.process.send_signal(signal.SIGHUP)
        self.assertTrue(wait_until(lambda: self.path.exists() and self.path.stat().st_size >= 24, 10), daemon.stderr())
        echoes(self, self.ns, 5)
        summary = daemon.stop().check(self)
        counts = [captures.count(p) for p in (old, self.path)]
        self.assertGreaterEqual(min(counts), 10)
        self.assertEqual(sum(counts), summary.stage("pcap")["counters"]["captured"])
        self.assertEqual(stat.S_IMODE(self.path.stat().st_mode), 0o600)

    def test_hangup_without_captures(self):
        daemon = self.daemon(self.ns, "run", ECHO)
        self.assertEqual(daemon.stop(signal.SIGHUP).json["end"]["reason"], "signal")
