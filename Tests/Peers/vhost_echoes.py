"""Echo benchmarks over vhost-user: a device made of DPDK's vhost library sends and takes back, drivers take turns.

The device is vhost_load.c, on a CPU of its own: it keeps a window of frames under way, checks each that comes back, and
counts and times them. Ours is `cleanq run`; the other is testpmd with net_virtio_user, DPDK's driver for such devices.
testpmd's own generator, flowgen, is no device for ours: it answers no ARP, so an IP layer has nowhere to send.
"""

import glob
import json
import os
import re
import shutil
import tempfile

from hugepages import Hugepages
from process import Failure, Server, last_lines, run

# Where the device sends.
DRIVER_MAC = "00:01:02:03:04:01"
DRIVER_ADDRESS, PORT = "10.253.0.0/8", 1001
VARIANTS = {"split": (False, "packed_vq=0"), "packed": (True, "packed_vq=1")}
PAGES = 112  # the device takes 32, testpmd 64; ours takes what it finds
FULL_WINDOW = 192  # three quarters of a ring of 256: neither side ever waits for the other's last frame


class TestPMD(Server):
    """testpmd with one virtual device, forwarding from its start to the end of its standard input."""

    def __init__(self, label, cpu, device, *options):
        self.prefix = f"cleanq-bench-{label}-{os.getpid()}"
        super().__init__(label, [
            "stdbuf", "-oL", "dpdk-testpmd", f"--lcores=0@{cpu},1@{cpu}", "--no-pci", "--no-telemetry", "--in-memory",
            "--single-file-segments", "-m", "128", f"--file-prefix={self.prefix}", "--vdev", device, "--", "--nb-cores=1",
            "--total-num-mbufs=16384", *options])

    def __exit__(self, *_):
        super().__exit__()
        shutil.rmtree(f"/run/dpdk/{self.prefix}", ignore_errors=True)


class VhostLoad(Server):
    """The device. DPDK leaves a folder behind, which is named after the process."""

    def __exit__(self, *_):
        super().__exit__()
        shutil.rmtree(f"/run/dpdk/cleanq-load-{self.process.pid}", ignore_errors=True)


def _text(bench, socket, rings, layers):
    """The pipeline that drives the device."""
    packed = "yes" if VARIANTS[rings][0] else "no"
    return f"vhost-user({socket}, mac: {DRIVER_MAC}, packed: {packed})@{bench.cpus[-1]} | {layers}echo"


def _our_driver(rings, layers):
    def drive(bench, socket):
        return Server("cleanq", [bench.cleanq, "run", _text(bench, socket, rings, layers)])
    return drive


def _dpdk_driver(rings, mode):
    def drive(bench, socket):
        device = f"net_virtio_user0,path={socket},queues=1,queue_size=256,mac={DRIVER_MAC},{VARIANTS[rings][1]}"
        return TestPMD("net_virtio_user", bench.cpus[-1], device, f"--forward-mode={mode}")
    return drive


def _load(drive, size, window):
    """What the device finds while a driver runs: {"value": echoes a second, "p50": nanoseconds, …}."""
    def measure(bench):
        if not bench.has_peer("vhost_load"):
            raise Failure("vhost_load is not built; --peers builds it")
        if os.geteuid() != 0:
            raise Failure("DPDK runs as root only: it wants hugepages and /run/dpdk")
        with Hugepages(PAGES), tempfile.TemporaryDirectory(prefix="cleanq-bench-") as folder:
            socket = os.path.join(folder, "v.sock")
            command = [bench.peer("vhost_load"), "--socket", socket, "--cpu", str(bench.cpus[0]), "--size", str(size),
                       "--window", str(window), "--seconds", str(bench.seconds)]
            with VhostLoad("vhost_load", command) as device:
                device.wait_until(lambda: os.path.exists(socket), "socket")
                with drive(bench, socket) as driver:
                    status = device.process.wait(60)
                    if status != 0:
                        raise Failure(f"{last_lines(device.output())}; {driver.label} said: {last_lines(driver.output())}")
                found = json.loads(device.output().strip().splitlines()[-1])
        if found["wrong"]:
            raise Failure(f"{found['wrong']} frames came back wrong")
        return found
    return measure


def _rate(drive, size):
    load = _load(drive, size, FULL_WINDOW)

    def measure(bench):
        found = load(bench)
        bench.detail("device_idle", found["idle"])
        bench.detail("device_busy_nanoseconds", round((1 - found["idle"]) / float(found["value"]) * 1e9, 1))
        if found["idle"] < 0.05:
            bench.warn("virtio: in some runs the device was busy all the time: they show its limit and not the driver's. What it "
                       "needs for a frame is device_busy_nanoseconds in the JSON")
        return float(found["value"])
    return measure


def _latency(drive, window):
    load = _load(drive, 64, window)

    def measure(bench):
        found = load(bench)
        return {name: float(found[name]) for name in ("p50", "p99", "p999")}
    return measure


IP_UDP = f"ip({DRIVER_ADDRESS}, mac: {DRIVER_MAC}) | udp({PORT}) | "


def ours(rings, size, layers):
    """`layers`: what stands between the device and `echo`."""
    return _rate(_our_driver(rings, layers), size)


def virtio_user(rings, size, mode):
    return _rate(_dpdk_driver(rings, mode), size)


def our_latency(rings, window):
    return _latency(_our_driver(rings, IP_UDP), window)


def virtio_user_latency(rings, window):
    return _latency(_dpdk_driver(rings, "5tswap"), window)


def instructions(rings, size):
    """Instructions of the pipeline's thread for each datagram, as callgrind counts them: the same on a busy machine, in a slow
    hour, beside another program on the core. With the few of its start and of looking for work."""
    def measure(bench):
        if not shutil.which("valgrind"):
            raise Failure("valgrind is not there; scripts/setup instructions installs it")
        with tempfile.TemporaryDirectory(prefix="cleanq-bench-") as folder:
            program, counts = os.path.join(folder, "cleanq"), os.path.join(folder, "counts")
            run(["strip", "-g", "-o", program, bench.cleanq])  # valgrind does not read every kind of debug information

            def drive(bench, socket):
                return Server("cleanq", ["valgrind", "--tool=callgrind", "--separate-threads=yes",
                                         f"--callgrind-out-file={counts}", program, "run", _text(bench, socket, rings, IP_UDP)])
            frames = _load(drive, size, FULL_WINDOW)(bench)["all"]
            return max(_sum_of(file) for file in glob.glob(f"{counts}-*")) / frames
    return measure


def _sum_of(file):
    """The instructions in one thread's file of callgrind's."""
    with open(file) as lines:
        found = re.findall(r"^(?:summary|totals): (\d+)", lines.read(), re.MULTILINE)
    return max(map(int, found), default=0)
