"""Capture files, read by our own strict reader and by the tools that everybody uses."""

import os
import re
import struct
from pathlib import Path
from typing import NamedTuple

from harness import command, wait_until

MICRO, NANO, ETHERNET = 0xA1B2C3D4, 0xA1B23C4D, 1


class Record(NamedTuple):
    seconds: float
    fraction: int
    length: int     # on the wire
    data: bytes


class Capture(NamedTuple):
    nanoseconds: bool
    snaplen: int
    link: int
    records: list


def parse(data):
    """Every byte must belong to the file header or to a whole record."""
    magic, major, minor, _, _, snaplen, link = struct.unpack_from("<IHHiIII", data)
    if magic not in (MICRO, NANO) or (major, minor) != (2, 4):
        raise AssertionError(f"not a capture: {data[:24].hex()}")
    place, records = 24, []
    while place < len(data):
        if place + 16 > len(data):
            raise AssertionError(f"{len(data) - place} bytes after the last record")
        seconds, fraction, captured, length = struct.unpack_from("<IIII", data, place)
        place += 16
        if captured > length or captured > snaplen or place + captured > len(data):
            raise AssertionError(f"record {len(records)}: {captured} bytes of {length}, snaplen {snaplen}")
        records.append(Record(seconds + fraction / (1e9 if magic == NANO else 1e6), fraction, length, data[place:place + captured]))
        place += captured
    return Capture(magic == NANO, snaplen, link, records)


def read(path):
    return parse(Path(path).read_bytes())


def write(path, frames, order="<", magic=MICRO, snaplen=262144, tail=b""):
    """Writes frames a millisecond apart; a frame may be (captured bytes, length on the wire)."""
    out = [struct.pack(order + "IHHiIII", magic, 2, 4, 0, 0, snaplen, ETHERNET)]
    for i, frame in enumerate(frames):
        data, length = frame if isinstance(frame, tuple) else (frame, len(frame))
        out.append(struct.pack(order + "IIII", 1_700_000_000 + i // 1000, i % 1000 * 1000, len(data), length) + data)
    Path(path).write_bytes(b"".join(out) + tail)
    return path


def tcpdump(path, *filters):
    """The lines of `tcpdump -r`, one for a frame; an unreadable file is a failure."""
    return [line for line in command("tcpdump", "-nr", path, *filters).stdout.splitlines() if not line[:1].isspace()]


def capinfos(path):
    """What capinfos says of a file, by the names that it prints."""
    done = command("capinfos", "-M", path)
    return dict(re.findall(r"^([^:\n]+?): +(.*)$", done.stdout, re.M))


def count(path):
    """How many frames capinfos and tcpdump count; they must agree."""
    number, lines = int(capinfos(path)["Number of packets"].replace(",", "")), len(tcpdump(path))
    if number != lines:
        raise AssertionError(f"capinfos counts {number} frames, tcpdump prints {lines}")
    return number


class Tcpdump:
    """A tcpdump that listens by the time that it is made."""

    def __init__(self, test, ns, interface, path, *filters):
        log = test.work / f"{Path(path).name}.log"
        self.path, self.log, self.test = path, log, test
        with open(log, "w") as err:
            self.process = test.child(ns.spawn("tcpdump", "-i", interface, "-n", "-U", "--immediate-mode", "-B", "32768", "-s", "2048",
                                               *(["-Z", "root"] if os.geteuid() == 0 else []), "-w", path, *filters, stderr=err))
        if not wait_until(lambda: "listening on" in log.read_text() or self.process.poll() is not None, 5):
            raise AssertionError(f"tcpdump does not listen: {log.read_text()}")
        if self.process.poll() is not None:
            raise AssertionError(f"tcpdump: {log.read_text()}")

    def stop(self):
        """Stops it and returns the records; it must have lost none."""
        self.process.send_signal(2)
        self.process.wait(10)
        text = self.log.read_text()
        self.test.assertIn("\n0 packets dropped by kernel", text)
        return read(self.path).records
