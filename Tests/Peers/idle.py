"""What an echo on a TAP device costs in CPU time at a rate at which it sleeps after each packet, and how long one takes."""

import glob

from echoes import ECHO, KERNEL, PORT, PREFIX, load, set_up
from namespace import Namespace
from process import Server


def _cpu_seconds(process):
    """Of all its threads, by the scheduler's own clock."""
    total = 0
    for path in glob.glob(f"/proc/{process.pid}/task/*/schedstat"):
        with open(path) as line:
            total += int(line.read().split()[0])
    return total / 1e9


def _cost(bench, namespace, server, rate):
    window, bench.window = bench.window, 1
    try:
        before = _cpu_seconds(server.process)
        found = load(bench, namespace, server, "--rate", rate, "--warmup", "0")
        used = _cpu_seconds(server.process) - before
    finally:
        bench.window = window
    return {"cpu": used / found["sent"] * 1e6, "round-trip": found["p50Microseconds"]}


def ours(rate):
    def measure(bench):
        text = f"tap(tap0, address: {KERNEL}{PREFIX})@{bench.cpus[0]} | ip({ECHO}{PREFIX}) | udp({PORT}) | echo"
        with Namespace() as namespace, Server("cleanq", namespace.command(bench.cleanq, "run", text)) as server:
            server.wait_until(lambda: namespace.routes_to(ECHO), "TAP device with an address")
            return _cost(bench, namespace, server, rate)
    return measure


def blocking(rate):
    """tap_echo.c with read(2) and write(2), which looks at no header."""
    def measure(bench):
        with Namespace() as namespace:
            command = namespace.command(
                bench.peer("tap_echo"), "--device", "tap0", "--cpu", bench.cpus[0], "--reads", "blocking")
            with Server("tap_echo", command) as server:
                server.wait_until(lambda: "ready" in server.output(), "TAP device")
                set_up(namespace)
                return _cost(bench, namespace, server, rate)
    return measure
