"""Captures: written beside the traffic, read as a source, and what happens when they cannot be written."""

import re
import socket
import struct
import subprocess
import time
import unittest

import captures
from captures import Tcpdump
from harness import CLEANQ, KERNEL, NANOSECONDS, SNAPLEN, STACK, TAP, Case, Sniffer, error_lines, wait_until
from traffic import echoes, every_length, ping

PACKETS = f"ip({STACK}/24)"
TOP = f"{PACKETS} | udp(7) | echo"


def with_pcap(stage):
    return f"{TAP} | {stage} | {TOP}"


class Written(Case):
    """What a capture holds is what crossed the device."""

    def start(self, options=""):
        self.ns, self.file = self.namespace(), self.work / "f.pcap"
        return self.daemon(self.ns, "run", with_pcap(f'pcap("{self.file}"{options})'))

    def test_holds_what_crossed(self):
        self.ns, self.file = self.namespace(), self.work / "f.pcap"
        self.ns.make_tap()
        sniffer = Sniffer(self.ns)
        self.closing(sniffer.socket)
        begun = time.time()
        daemon = self.daemon(self.ns, "run", with_pcap(f'pcap("{self.file}")'))
        with self.ns.udp() as s:
            self.assertEqual(every_length(s, range(0, 1473, 23), self.random), [])
        self.assertEqual(ping(self.ns, 20), (20, 20))
        summary = daemon.stop().check(self)
        to_daemon, from_daemon = sniffer.frames()
        capture = captures.read(self.file)
        self.assertEqual((capture.link, capture.nanoseconds), (captures.ETHERNET, False))
        data = [r.data for r in capture.records]
        self.assert_frames(sorted(data), sorted(to_daemon + from_daemon))
        for frames in (to_daemon, from_daemon):
            self.assert_frames([d for d in data if d in set(frames)], frames, "order within a direction")
        self.assertTrue(all(begun - 1 <= r.seconds <= time.time() + 1 for r in capture.records), "time stamps")
        self.assertEqual(captures.count(self.file), len(data))
        self.assertEqual(summary.stage("pcap")["received"]["packets"] + summary.stage("pcap")["transmitted"]["packets"], len(data))

    def test_filter(self):
        daemon = self.start(', filter: "udp port 7 and greater 100"')
        echoes(self, self.ns, count=20, size=200)
        echoes(self, self.ns, count=10, size=10)
        ping(self.ns, 5)
        daemon.stop().check(self)
        self.assertEqual(captures.count(self.file), 40)
        self.assertEqual(len(captures.tcpdump(self.file, "udp port 7 and greater 100")), 40)

    def test_snaplen(self):
        daemon = self.start(", " + SNAPLEN.format(96))
        echoes(self, self.ns, count=10, size=1000)
        daemon.stop().check(self)
        records = captures.read(self.file).records
        self.assertEqual(captures.count(self.file), len(records))
        self.assertEqual(max(len(r.data) for r in records), 96)
        self.assertEqual(sum(r.length == 1042 and len(r.data) == 96 for r in records), 20)

    def test_nanoseconds(self):
        daemon = self.start(", " + NANOSECONDS)
        echoes(self, self.ns, count=20)
        daemon.stop().check(self)
        capture = captures.read(self.file)
        self.assertTrue(capture.nanoseconds)
        self.assertTrue(any(r.fraction % 1000 for r in capture.records), "nanoseconds that are all multiples of 1000")
        self.assertRegex(captures.capinfos(self.file)["File type"], "nsec|nanosecond")

    def test_on_packets(self):
        """Between ip and udp there is no Ethernet header; the tools must read it all the same."""
        ns, file = self.namespace(), self.work / "ip.pcap"
        daemon = self.daemon(ns, "run", f'{TAP} | {PACKETS} | pcap("{file}", filter: "udp port 7") | udp(7) | echo')
        echoes(self, ns, count=10)
        ping(ns, 2)
        daemon.stop().check(self)
        self.assertEqual(captures.count(file), 20)
        self.assertEqual(sum(f"> {STACK}.7: UDP, length 64" in line for line in captures.tcpdump(file)), 10)

    def test_live(self):
        """A capture can be read while it grows: frames are in the file soon after they crossed."""
        daemon = self.start(', filter: "udp"')
        echoes(self, self.ns, count=10)
        seen = wait_until(lambda: self.file.stat().st_size >= 24 + 20 * (16 + 106), 3)
        self.note("flushed while running" if seen else "flushed at the end only")
        daemon.stop().check(self)
        self.assertEqual(captures.count(self.file), 20)

    def test_killed(self):
        """After kill -9 what is in the file is still readable up to its last whole frame."""
        daemon = self.start()
        echoes(self, self.ns, count=50)
        daemon.kill()
        done = subprocess.run(["tcpdump", "-nr", self.file], capture_output=True, text=True)
        self.note(f"{len(done.stdout.splitlines())} frames in the file")
        self.assertNotIn("bogus", done.stderr)


class Streamed(Case):
    """Captures to standard output, and to places that refuse them."""

    def test_standard_output(self):
        ns = self.namespace()
        reader = self.child(subprocess.Popen(["tcpdump", "-nr", "-"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True))
        daemon = self.daemon(ns, "run", with_pcap('pcap(-, filter: "udp port 7")'), json=False, stdout=reader.stdin)
        reader.stdin.close()
        reader.stdin = None
        echoes(self, ns, count=10)
        daemon.stop()
        out, err = reader.communicate(timeout=10)
        self.assertEqual((reader.returncode, len(out.splitlines())), (0, 20), err)

    def test_standard_output_holds_nothing_else(self):
        ns = self.namespace()
        daemon = self.daemon(ns, "run", with_pcap('pcap(-, filter: "udp port 7")'), json=False)
        echoes(self, ns, count=10)
        daemon.stop()
        self.assertEqual(len(captures.parse(daemon.out.seek(0) or daemon.out.read()).records), 20)

    def test_closed_pipe(self):
        ns = self.namespace()
        head = self.child(subprocess.Popen(["head", "-c", "100"], stdin=subprocess.PIPE, stdout=subprocess.DEVNULL))
        daemon = self.daemon(ns, "run", with_pcap("pcap(-)"), json=False, stdout=head.stdin)
        head.stdin.close()
        echoes(self, ns, count=300, size=1000)
        self.assertIsNone(daemon.process.poll(), "a closed pipe ended the daemon")
        self.assertEqual(ping(ns, 10), (10, 10))
        daemon.stop(status=1)
        self.one_diagnostic(daemon.stderr(), r"(?i)pipe|closed")

    def test_full_disk(self):
        ns = self.namespace()
        folder = self.work / "small"
        folder.mkdir()
        mount = ["unshare", "-m", "sh", "-c", 'mount -t tmpfs -o size=64k small "$0" && exec "$@"', folder]
        daemon = self.daemon(ns, "run", with_pcap(f'pcap("{folder}/f.pcap")'), prefix=mount)
        echoes(self, ns, count=300, size=1000)
        self.assertEqual(ping(ns, 10), (10, 10))
        summary = daemon.stop(status=1).check(self)
        self.one_diagnostic(summary.stderr, r"(?i)space|full")
        stage = summary.stage("pcap")
        self.assertIn("No space left on device", stage["failure"])
        unwritten = {name: n for name, n in {**stage["drops"], **stage["counters"]}.items()
                     if n and any(w in name for w in ("error", "fail", "lost", "unwritten", "not-written", "drop", "missed"))}
        self.assertTrue(unwritten, f"frames that were not written are not counted: {stage}")
        self.assertEqual(summary.stage("echo")["received"]["packets"], 300)

    def test_one_file_for_one_stage(self):
        """Neither of two stages that name one file begins to write it."""
        path = captures.write(self.work / "in.pcap", [bytes(60)] * 9)
        before = path.read_bytes()
        (self.work / "link.pcap").symlink_to(path)
        by_link, by_name = "another stage reads or writes this file", "is taken by a stage to its left already"
        for text, status, reason in (
            (f'pcap("{path}", read) | pcap("{self.work}/link.pcap") | discard', 1, by_link),
            (f'loopback | pcap("{path}") | pcap("{self.work}/link.pcap") | discard', 1, by_link),
            (f'loopback | pcap("{self.work}/two.pcap") | pcap("{self.work}/./two.pcap") | discard', 64, by_name),
        ):
            done = self.namespace().run(CLEANQ, "run", text, check=False)
            self.assertEqual(done.returncode, status, done.stderr)
            self.assertIn(reason, done.stderr)
        self.assertEqual(path.read_bytes(), before)

    def one_diagnostic(self, stderr, pattern):
        lines = [line for line in stderr.splitlines() if re.match(r"\S+ error: ", line) and re.search(pattern, line)]
        self.assertEqual(len(lines), 1, f"one line that matches {pattern} wanted:\n{stderr}")


class Source(Case):
    """A capture as a pipeline's input."""

    def frames(self, n):
        return [self.random.randbytes(12) + b"\x08\x00" + self.random.randbytes(self.random.randint(1, 1500)) for _ in range(n)]

    def counted(self, path):
        daemon = self.daemon(self.namespace(), "run", f'pcap("{path}", read) | count | discard', ready=False)
        received = daemon.finished().check(self).stage("count")["received"]
        return received["packets"], received["bytes"]

    def test_counts(self):
        for n, order, magic in ((1000, "<", captures.MICRO), (1000, ">", captures.MICRO), (100, "<", captures.NANO), (0, "<", captures.MICRO)):
            frames = self.frames(n)
            with self.subTest(frames=n, order=order, magic=hex(magic)):
                path = captures.write(self.work / f"in{n}{magic}{ord(order)}.pcap", frames, order, magic)
                self.assertEqual(self.counted(path), (n, sum(map(len, frames))))

    def test_spoilt(self):
        """Cut and forged captures end in one clear line or in a count, never in a crash."""
        good = self.frames(10)
        record = struct.pack("<IIII", 1, 1, 0xFFFFFFFF, 0xFFFFFFFF)
        files = {}
        for name, tail in (("cut header", b"\1\2\3"), ("cut data", struct.pack("<IIII", 1, 1, 60, 60) + bytes(30)), ("forged length", record)):
            files[name] = captures.write(self.work / f"{name}.pcap", good, tail=tail)
        files["huge frame"] = captures.write(self.work / "huge.pcap", [*good, self.random.randbytes(65535), self.random.randbytes(200_000)])
        files["short frames"] = captures.write(self.work / "short.pcap", [*good, *(bytes(n) for n in range(14)), (bytes(60), 1500)])
        for name, path in files.items():
            with self.subTest(file=name):
                done = self.namespace(name[:5].strip() + "x").run(CLEANQ, "run", "--json", f'pcap("{path}", read) | count | discard', check=False)
                self.note(f"{name}: exit {done.returncode}")
                self.assertIn(done.returncode, (0, 1), done.stderr)
                self.assertEqual(done.returncode, 0 if name in ("huge frame", "short frames") else 1)
                if done.returncode == 1:
                    self.assertEqual(len(error_lines(done.stderr)), 1, done.stderr)

    def test_replay_to_tap(self):
        ns = self.namespace()
        ns.make_tap()
        ns.ip("link", "set", "tap0", "up")
        frames = [b"\xff" * 6 + b"\2\0\0\0\0\1\x88\xb5" + self.random.randbytes(self.random.randint(46, 1500)) for _ in range(200)]
        path = captures.write(self.work / "in.pcap", frames)
        dump = Tcpdump(self, ns, "tap0", self.work / "seen.pcap", "ether proto 0x88b5")
        daemon = self.daemon(ns, "run", f'pcap("{path}", read) | tap(tap0)', ready=False)
        wait_until(lambda: dump.path.stat().st_size >= sum(len(f) + 16 for f in frames) + 24, 5)
        ended = wait_until(lambda: daemon.process.poll() is not None, 1)
        self.note("ended with its source" if ended else "had to be stopped")
        if not ended:
            daemon.process.send_signal(2)
        summary = daemon.finished().check(self)
        self.assert_frames([r.data for r in dump.stop()], frames)
        self.assertEqual(summary.stage("tap")["transmitted"]["packets"], len(frames))


class CaptureCommand(Case):
    """`cleanq capture`, with tcpdump's flags."""

    def device(self):
        """A namespace whose kernel sends to STACK by way of tap0 without asking."""
        ns = self.namespace()
        ns.make_tap()
        ns.ip("address", "add", f"{KERNEL}/24", "dev", "tap0")
        ns.ip("link", "set", "tap0", "up")
        ns.ip("neigh", "add", STACK, "lladdr", "02:00:00:00:00:02", "dev", "tap0", "nud", "permanent")
        return ns

    def capture(self, *options, send):
        ns, file = self.device(), self.work / "f.pcap"
        daemon = self.daemon(ns, "capture", "-i", "tap0", "-w", file, *options)
        with ns.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
            for port in send:
                s.sendto(bytes(500), (STACK, port))
        return daemon, file

    def test_count(self):
        daemon, file = self.capture("-c", "5", "udp", "port", "9", send=[8, 9] * 10)
        daemon.finished().check(self)
        self.assertEqual(captures.count(file), 5)
        self.assertEqual(len(captures.tcpdump(file, "udp port 9")), 5)

    def test_reader_that_goes(self):
        """Nothing is left to do when nobody reads what is captured."""
        ns = self.device()
        head = self.child(subprocess.Popen(["head", "-c", "100"], stdin=subprocess.PIPE, stdout=subprocess.DEVNULL))
        daemon = self.daemon(ns, "capture", "-i", "tap0", "-w", "-", json=False, stdout=head.stdin)
        head.stdin.close()
        with ns.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
            for _ in range(20):
                if daemon.process.poll() is None:
                    s.sendto(bytes(500), (STACK, 9))
                time.sleep(0.05)
        daemon.finished(status=1)
        self.assertIn("Broken pipe", daemon.stderr())

    def test_snaplen_until_stopped(self):
        daemon, file = self.capture("-s", "80", "udp port 9", send=[8, 9] * 10)
        time.sleep(0.3)
        daemon.stop().check(self)
        self.assertEqual({(len(r.data), r.length) for r in captures.read(file).records}, {(80, 542)})
        self.assertEqual(captures.count(file), 10)


if __name__ == "__main__":
    unittest.main()
