"""What a daemon that echoes on a TAP device costs before the first packet: time to start, and memory."""

import time

from echoes import ECHO, KERNEL, PORT, PREFIX, testpmd
from namespace import Namespace
from process import Failure, Server


def _resident_mebibytes(process):
    """The memory that is really there, shared libraries included."""
    with open(f"/proc/{process.pid}/status") as lines:
        for line in lines:
            if line.startswith("VmRSS:"):
                return int(line.split()[1]) / 1024
    raise Failure(f"process {process.pid} has no VmRSS")


def _cost(server):
    """From the start of the process to its word that it runs, and what it takes then."""
    started = (time.monotonic() - server.started) * 1000
    time.sleep(0.2)
    return {"milliseconds": started, "mebibytes": _resident_mebibytes(server.process)}


def ours(row):
    def measure(bench):
        text = f"tap(tap0, address: {KERNEL}{PREFIX})@{bench.cpus[0]} | ip({ECHO}{PREFIX}) | udp({PORT}) | echo"
        with Namespace() as namespace, Server("cleanq", namespace.command(bench.cleanq, "run", text)) as server:
            server.wait_until(lambda: "running" in server.output(), "start of the pipeline", step_seconds=0.001)
            return _cost(server)[row]
    return measure


def net_tap(row):
    def measure(bench):
        with Namespace() as namespace:
            with testpmd(bench, namespace, "net_tap", ["net_tap0,iface=tap0"], "5tswap") as server:
                return _cost(server)[row]
    return measure
