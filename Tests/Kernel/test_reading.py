"""Captures that come through a pipe, a FIFO, a socket or a terminal: packets pass as they come, and a signal ends the waiting."""

import fcntl
import os
import pty
import signal
import socket
import subprocess
import termios
import threading
import time

import captures
from harness import CLEANQ, Case, Summary, command, spawn, takes_signals, wait_until

STOP_SECONDS = 3.0  # a second is promised; the rest is for a busy machine
COUNT = "count | discard"


class Reading(Case):
    def frames(self, count=3):
        return [self.random.randbytes(60 + i % 1400) for i in range(count)]

    def bytes_of(self, frames, **options):
        return captures.write(self.work / "in.pcap", frames, **options).read_bytes()

    def start(self, text, stdin=subprocess.DEVNULL, **options):
        process = self.child(spawn(
            [CLEANQ, "run", "--json", text], stdin=stdin, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, **options))
        self.assertTrue(takes_signals(process))
        return process

    def finished(self, process, status=0):
        out, err = process.communicate(timeout=30)
        self.assertEqual(process.returncode, status, err)
        return Summary(out, err)

    def interrupted(self, process, sign=signal.SIGINT):
        """The summary of a pipeline that a signal ends: at once, and as a success."""
        self.assertIsNone(process.poll())
        begun = time.monotonic()
        process.send_signal(sign)
        summary = self.finished(process)
        self.assertLess(time.monotonic() - begun, STOP_SECONDS)
        self.assertEqual(summary.json["end"]["reason"], "signal", summary.stderr)
        self.assertNotIn("did not", summary.stderr)
        return summary

    def fifo(self):
        path = self.work / "fifo"
        os.mkfifo(path)
        return path

    def captured(self, path):
        """How many whole records a file has so far."""
        try:
            return len(captures.read(path).records)
        except (FileNotFoundError, AssertionError, captures.struct.error):
            return -1

    def test_fifo_without_a_writer(self):
        path = self.fifo()
        for sign in (signal.SIGINT, signal.SIGTERM):
            process = self.start(f"pcap({path}, read) | {COUNT}")
            time.sleep(0.5)
            self.interrupted(process, sign)

    def test_writer_that_stops_anywhere(self):
        frames = self.frames()
        whole = self.bytes_of(frames)
        ends = [24]
        for frame in frames:
            ends.append(ends[-1] + 16 + len(frame))
        for cut in (0, 3, 10, 24, 30, 40, 50, ends[2], ends[2] + 5, len(whole) - 1, len(whole)):
            with self.subTest(cut=cut):
                reader, writer = os.pipe()
                os.write(writer, whole[:cut])
                out = self.work / f"{cut}.pcap"
                process = self.start(f"pcap(-, read) | pcap({out}) | discard", stdin=reader)
                os.close(reader)
                there = sum(end <= cut for end in ends[1:])
                if cut >= 24:
                    # Packets that are whole pass at once, whatever the writer does next.
                    self.assertTrue(wait_until(lambda: self.captured(out) == there, 10), self.captured(out))
                else:
                    time.sleep(0.3)
                summary = self.interrupted(process)
                if cut >= 24:
                    self.assertEqual(summary.stages[0]["received"]["packets"], there)
                    self.assertEqual(summary.stages[0]["counters"].get("unreadable", 0), 0)
                os.close(writer)

    def test_the_rest_comes_later(self):
        frames = self.frames()
        whole = self.bytes_of(frames)
        for cut in (5, 24, 33, 50, len(whole) - 2):
            reader, writer = os.pipe()
            os.write(writer, whole[:cut])
            out = self.work / "out.pcap"
            process = self.start(f"pcap(-, read) | pcap({out}) | discard", stdin=reader)
            os.close(reader)
            time.sleep(0.2)
            os.write(writer, whole[cut:])
            os.close(writer)
            self.finished(process).check(self)
            self.assertEqual([r.data for r in captures.read(out).records], frames)

    def test_one_byte_at_a_time(self):
        frames = self.frames(4)
        plain = self.work / "plain.pcap"
        variants = [self.bytes_of(frames), self.bytes_of(frames, order=">"), self.bytes_of(frames, magic=captures.NANO)]
        self.bytes_of(frames)
        command("editcap", "-F", "pcapng", self.work / "in.pcap", plain)
        variants.append(plain.read_bytes())
        for number, whole in enumerate(variants):
            with self.subTest(number=number):
                left, right = socket.socketpair()
                out = self.work / "out.pcap"
                process = self.start(f"pcap(-, read) | pcap({out}) | discard", stdin=left)
                left.close()
                for i in range(len(whole)):
                    right.send(whole[i:i + 1])
                    if i % 16 == 0:
                        time.sleep(0.001)
                right.close()
                self.finished(process).check(self)
                self.assertEqual([r.data for r in captures.read(out).records], frames)

    def test_a_record_that_is_cut(self):
        frames = self.frames()
        whole = self.bytes_of(frames)
        path = self.fifo()
        process = self.start(f"pcap({path}, read) | {COUNT}")
        path.write_bytes(whole[:-3])
        summary = self.finished(process, status=1)
        self.assertEqual(summary.stages[0]["counters"]["unreadable"], 1)
        self.assertEqual(summary.stages[0]["received"]["packets"], 2)
        self.assertEqual(summary.stderr.count("cannot be read to its end"), 1, summary.stderr)

    def test_writers_in_turn(self):
        """The first one leaves inside a record, when the second one is there already."""
        whole = self.bytes_of(self.frames())
        path = self.fifo()
        process = self.start(f"pcap({path}, read) | {COUNT}")
        first = os.open(path, os.O_WRONLY)
        os.write(first, whole[:70])
        second = os.open(path, os.O_WRONLY)
        os.close(first)
        time.sleep(0.3)
        self.assertIsNone(process.poll())
        os.write(second, whole[70:])
        os.close(second)
        self.assertEqual(self.finished(process).check(self).stages[0]["received"]["packets"], 3)

    def test_terminal(self):
        main, terminal = pty.openpty()
        self.addCleanup(os.close, main)
        before = fcntl.fcntl(terminal, fcntl.F_GETFL)
        process = self.start(f"pcap(-, read) | {COUNT}", stdin=terminal)
        time.sleep(0.5)
        self.interrupted(process)
        # A capture can come through a terminal too, if that changes nothing of it.
        settings = termios.tcgetattr(terminal)
        settings[0:4] = [0, 0, settings[2], 0]
        termios.tcsetattr(terminal, termios.TCSANOW, settings)
        process = self.start(f"pcap(-, read) | {COUNT}", stdin=terminal)
        os.write(main, self.bytes_of(self.frames())[:-1])
        time.sleep(1)
        self.assertEqual(self.interrupted(process).stages[0]["received"]["packets"], 2)
        self.assertEqual(fcntl.fcntl(terminal, fcntl.F_GETFL), before)
        os.close(terminal)

    def test_flags_of_standard_input(self):
        """They belong to everyone who has it: they are not even changed for a while."""
        whole = self.bytes_of(self.frames())
        reader, writer = os.pipe()
        left, right = socket.socketpair()
        for mine, theirs in ((writer, reader), (right.fileno(), left.fileno())):
            before = fcntl.fcntl(theirs, fcntl.F_GETFL)
            self.assertFalse(before & os.O_NONBLOCK)
            process = self.start(f"pcap(-, read) | {COUNT}", stdin=theirs)
            os.write(mine, whole[:-1])
            time.sleep(0.3)
            self.assertEqual(fcntl.fcntl(theirs, fcntl.F_GETFL), before)
            self.interrupted(process)
            self.assertEqual(fcntl.fcntl(theirs, fcntl.F_GETFL), before)
        os.close(reader)
        os.close(writer)
        left.close()
        right.close()

    def test_a_reader_that_waits_sleeps(self):
        whole = self.bytes_of(self.frames())
        for cut in (24, 100, len(whole)):
            reader, writer = os.pipe()
            os.write(writer, whole[:cut])
            process = self.start(f"pcap(-, read) | {COUNT}", stdin=reader)
            os.close(reader)
            time.sleep(0.7)
            begun = self.ticks(process)
            time.sleep(2)
            # Ticks of 10 ms; a loop that spins takes 200.
            self.assertLessEqual(self.ticks(process) - begun, 2)
            self.interrupted(process)
            os.close(writer)

    def ticks(self, process):
        with open(f"/proc/{process.pid}/stat") as file:
            fields = file.read().rsplit(")", 1)[1].split()
        return int(fields[11]) + int(fields[12])

    def test_no_capture_through_a_pipe(self):
        unreadable = "is not a capture file that libpcap can read"
        for data, reason in (
            (b"", "standard input is empty"), (b"no capture at all, but long enough for a header", unreadable),
            (b"\xd4\xc3\xb2\xa1", unreadable),
        ):
            with self.subTest(data=data):
                reader, writer = os.pipe()
                os.write(writer, data)
                os.close(writer)
                done = command(CLEANQ, "run", f"pcap(-, read) | {COUNT}", stdin=reader, check=False)
                os.close(reader)
                self.assertEqual(done.returncode, 1, done.stderr)
                self.assertIn(reason, done.stderr)

    def test_standard_input_is_closed(self):
        done = command("sh", "-c", f"exec '{CLEANQ}' run 'pcap(-, read) | {COUNT}' <&-", check=False)
        self.assertEqual(done.returncode, 1, done.stderr)
        self.assertRegex(done.stderr, "standard input is (closed|empty)")


class AcrossThreads(Case):
    def test_all_that_was_read_is_written(self):
        """The end of the file comes after all packets, however slow the reader of the capture is."""
        # All of it fits into the writer's queue, so that the reader's thread is done long before the writer.
        frames = [self.random.randbytes(1400) for _ in range(2500)]
        whole = captures.write(self.work / "in.pcap", frames).read_bytes()
        path = self.work / "in.pcap"
        for text in (f"pcap({path}, read)@0 | pcap(-)@1 | discard", f"pcap({path}, read)@0 | count@1 | pcap(-)@0 | discard"):
            with self.subTest(text=text):
                process = self.child(spawn([CLEANQ, "run", text], stdout=subprocess.PIPE, stderr=subprocess.PIPE))
                said = []
                thread = threading.Thread(target=lambda: said.append(process.stderr.read()))
                thread.start()
                time.sleep(1.5)
                got = process.stdout.read()
                self.assertEqual(process.wait(30), 0, said)
                thread.join()
                self.assertEqual(len(got), len(whole), said)
                self.assertEqual([r.data for r in captures.parse(got).records], frames)

    def test_a_signal_ends_it_all_the_same(self):
        path = captures.write(self.work / "in.pcap", [bytes(1400)] * 6000)
        reader, writer = os.pipe()
        self.addCleanup(os.close, reader)
        process = self.child(spawn(
            [CLEANQ, "run", f"pcap({path}, read)@0 | pcap(-)@1 | discard"], stdout=writer, stderr=subprocess.PIPE, text=True))
        os.close(writer)
        self.assertTrue(takes_signals(process))
        time.sleep(1)
        self.assertIsNone(process.poll())
        begun = time.monotonic()
        process.send_signal(signal.SIGINT)
        self.assertEqual(process.wait(30), 0, process.stderr.read())
        self.assertLess(time.monotonic() - begun, STOP_SECONDS)
        process.stderr.close()
