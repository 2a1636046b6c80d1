"""Live capture: a number of datagrams is echoed on a TAP device, and both directions go to a file in RAM.

What counts is frames that are in the file, per second of the load; a frame that a capture lost is not there. The echo and the
capture share a CPU, the client has the other. Ours captures on its way through the pipeline; tcpdump listens to the same
device under the same echo, without its `pcap` stage; dpdk-dumpcap listens to testpmd's net_tap.
"""

import contextlib
import glob
import os
import struct
import tempfile
import time

from echoes import ECHO, KERNEL, PORT, PREFIX, file_prefix, load, set_up, testpmd
from hugepages import Hugepages
from namespace import Namespace
from process import Failure, Server

FOLDER = "/dev/shm"  # a RAM file system on every Linux
DATAGRAMS = {64: 200_000, 1400: 50_000}
HEADERS_BYTES = 14 + 20 + 8  # Ethernet, IPv4, UDP
FILE_HEADER_BYTES = 24
PAGES = 80  # 64 are testpmd's memory; dumpcap takes some of its own
RECORD = struct.Struct("<IIII")


def _frames(name, frame_bytes):
    """How many frames of that length are in a capture file. pcap-savefile(5)"""
    with open(name, "rb") as file:
        data = file.read()
    count, at = 0, FILE_HEADER_BYTES
    while at + RECORD.size <= len(data):
        captured, length = RECORD.unpack_from(data, at)[2:]
        if captured == length == frame_bytes and at + RECORD.size + captured <= len(data):
            count += 1
        at += RECORD.size + captured
    return count


def _await_rest(name):
    """Until the file no longer grows: what the capture still had in its buffer has been written."""
    size, deadline = -1, time.monotonic() + 10
    while size != os.path.getsize(name) and time.monotonic() < deadline:
        size = os.path.getsize(name)
        time.sleep(0.5)


class _Run:
    """One load, and the file that it ends in."""

    def __init__(self, bench, size):
        self.bench, self.size = bench, size
        self.file = f"{FOLDER}/cleanq-bench-{os.getpid()}-live.pcap"

    def __enter__(self):
        return self

    def __exit__(self, *_):
        with contextlib.suppress(FileNotFoundError):
            os.unlink(self.file)

    def load(self, namespace, server):
        found = load(self.bench, namespace, server, "--size", self.size, "--warmup", "0", "--count", DATAGRAMS[self.size])
        self.seconds = found["seconds"]

    def rate(self, label):
        """Frames per second, once the file is whole. The probes before the load are in the file too, and do not count."""
        sent = 2 * DATAGRAMS[self.size]
        found = min(sent, _frames(self.file, HEADERS_BYTES + self.size))
        if found == 0:
            raise Failure(f"{label} captured none of {sent} frames")
        if found < sent:
            self.bench.warn(f"{label}: of {sent} frames of {self.size} bytes of payload {found} are in the capture")
        return found / self.seconds


@contextlib.contextmanager
def _cleanq(bench, namespace, capture):
    text = f"tap(tap0, address: {KERNEL}{PREFIX})@{bench.cpus[0]} | {capture}ip({ECHO}{PREFIX}) | udp({PORT}) | echo"
    with Server("cleanq", namespace.command(bench.cleanq, "run", text)) as server:
        server.wait_until(lambda: namespace.routes_to(ECHO), "TAP device with an address")
        yield server


def ours(size):
    def measure(bench):
        with _Run(bench, size) as run, Namespace() as namespace:
            with _cleanq(bench, namespace, f"pcap({run.file}) | ") as server:
                run.load(namespace, server)
            return run.rate("cleanq")
    return measure


def tcpdump(size):
    def measure(bench):
        # As root tcpdump would change user before it opens the file.
        user = ["-Z", "root"] if os.geteuid() == 0 else []
        with _Run(bench, size) as run, Namespace() as namespace, _cleanq(bench, namespace, "") as echo:
            command = namespace.command("taskset", "--cpu-list", bench.cpus[0], "tcpdump", *user, "-B", "65536", "-i", "tap0",
                                        "-w", run.file)
            with Server("tcpdump", command) as server:
                server.wait_until(lambda: "listening on" in server.output(), "start of the capture")
                run.load(namespace, echo)
                _await_rest(run.file)
            return run.rate("tcpdump")
    return measure


def _same_order_of_pools():
    """What makes dumpcap's pool of buffers usable in testpmd, both as Debian builds them.

    A pool names its kind by a number, which libraries take in the order in which they are loaded. testpmd is linked with the
    library of DPAA's pools and loads it first, dumpcap is not; without it, what dumpcap allocates as a ring testpmd takes for
    a DPAA2 pool, and every instance fails.
    """
    found = glob.glob("/usr/lib/*/librte_mempool_dpaa.so.*")
    return ["env", f"LD_PRELOAD={min(found, key=len)}"] if found else []


def dumpcap(size):
    def measure(bench):
        with Hugepages(PAGES), _Run(bench, size) as run, Namespace() as namespace, \
                tempfile.TemporaryDirectory(prefix="cleanq-bench-") as folder:
            with testpmd(bench, namespace, "net_tap", ["net_tap0,iface=tap0"], "5tswap", huge_folder=folder) as echo:
                set_up(namespace)
                # nsenter becomes testpmd, so its process has the mount namespace with the hugepages.
                command = ["nsenter", "--target", str(echo.process.pid), "--mount", "--net", "taskset", "--cpu-list",
                           str(bench.cpus[0]), *_same_order_of_pools(), "dpdk-dumpcap", "-i", "net_tap0", "-P",
                           "-w", run.file, f"--file-prefix={file_prefix()}"]
                with Server("dpdk-dumpcap", command) as server:
                    server.wait_until(lambda: "Packets captured" in server.output(), "start of the capture")
                    run.load(namespace, echo)
                    _await_rest(run.file)
                return run.rate("dpdk-dumpcap")
    return measure
