"""Capture: from memory to a file in memory by `cleanq-bench capture`, and from a capture file to another by whole programs."""

import contextlib
import os
import struct
import time

from process import Failure, run

FOLDER = "/dev/shm"  # a RAM file system on every Linux
FILE_BYTES = 200 << 20
HEADER = struct.Struct("<IHHiIII")
RECORD = struct.Struct("<IIII")


def frames_in(size):
    return FILE_BYTES // (RECORD.size + size)


@contextlib.contextmanager
def _files(size):
    """A capture of frames of one size, and the name of the one that is to be made of it. Both are gone afterwards."""
    names = [f"{FOLDER}/cleanq-bench-{os.getpid()}-{name}.pcap" for name in ("in", "out")]
    frame = bytes.fromhex("02000a000002 02000a000001 0800") + bytes(size - 14)
    try:
        with open(names[0], "wb") as file:
            # pcap-savefile(5): magic, version 2.4, zone, accuracy, snapshot length, link type 1 = Ethernet.
            file.write(HEADER.pack(0xA1B2C3D4, 2, 4, 0, 0, 262144, 1))
            block = (RECORD.pack(1, 0, size, size) + frame) * 1000
            for _ in range(frames_in(size) // 1000):
                file.write(block)
        yield names
    finally:
        for name in names:
            with contextlib.suppress(FileNotFoundError):
                os.unlink(name)


def _copy(bench, size, command):
    """Frames per second from file to file; a copy that lacks a frame is no measurement."""
    with _files(size) as (source, copy):
        start = time.monotonic()
        run(["taskset", "--cpu-list", str(bench.cpus[0]), *command(source, copy)])
        seconds = time.monotonic() - start
        if os.path.getsize(copy) != os.path.getsize(source):
            raise Failure(f"of {os.path.getsize(source)} bytes {os.path.getsize(copy)} were written")
        return (os.path.getsize(source) - HEADER.size) // (RECORD.size + size) / seconds


def ours(size):
    return lambda bench: _copy(bench, size, lambda source, copy: [
        bench.cleanq, "run", f"pcap({source}, read)@{bench.cpus[0]} | pcap({copy}) | discard"])


def tcpdump(size):
    # As root tcpdump would change user before it opens the file.
    return lambda bench: _copy(bench, size, lambda source, copy: [
        "tcpdump", "-Z", "root", "-q", "-r", source, "-w", copy] if os.geteuid() == 0 else [
        "tcpdump", "-q", "-r", source, "-w", copy])
