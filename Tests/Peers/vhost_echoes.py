"""Echo benchmarks over vhost-user: DPDK's back end is the device and generates, as fast as it can; drivers take turns.

The device is the same process for each driver of a benchmark: testpmd with net_vhost in flowgen mode, on a CPU of its own. It
counts what comes back. Ours is `cleanq run`; the other is testpmd with net_virtio_user, DPDK's driver for such devices.
"""

import os
import re
import shutil
import tempfile
import time

from process import Failure, Server, last_lines

# What flowgen sends, from its source: one flow of UDP, to this address and port.
DEVICE_MAC, DRIVER_MAC = "00:01:02:03:04:00", "00:01:02:03:04:01"
DRIVER_ADDRESS, PORT = "10.253.0.0/8", 1001
VARIANTS = {"split": (False, "packed_vq=0"), "packed": (True, "packed_vq=1")}
SETTLE_SECONDS = 0.3


class TestPMD(Server):
    """testpmd, interactive, with one virtual device."""

    def __init__(self, label, cpu, folder, device, *options):
        if os.geteuid() != 0:
            raise Failure("DPDK runs as root only: it wants hugepages and /run/dpdk")
        self.prefix = f"cleanq-bench-{label}-{os.getpid()}"
        super().__init__(label, [
            "stdbuf", "-oL", "dpdk-testpmd", f"--lcores=0@{cpu},1@{cpu}", "--no-pci", "--no-telemetry", "--in-memory",
            "--single-file-segments", "-m", "256", f"--file-prefix={self.prefix}", "--vdev", device, "--", "-i", "--nb-cores=1",
            *options])
        self.folder = folder

    def __enter__(self):
        super().__enter__()
        try:
            self.wait_until(lambda: "testpmd>" in self.output(), "prompt")
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_):
        super().__exit__()
        shutil.rmtree(f"/run/dpdk/{self.prefix}", ignore_errors=True)

    def say(self, line):
        self.process.stdin.write((line + "\n").encode())
        self.process.stdin.flush()

    def received(self):
        """Frames that have come in, and when."""
        before = len(self.output())
        self.say("show port stats 0")
        pattern = re.compile(r"RX-packets: (\d+)")
        self.wait_until(lambda: pattern.search(self.output(), before) and "Tx-pps" in self.output()[before:], "statistics")
        return int(pattern.search(self.output(), before)[1]), time.monotonic()


def _measure(bench, device):
    """Frames a second that come back to the device."""
    time.sleep(SETTLE_SECONDS)
    count, start = device.received()
    time.sleep(bench.seconds)
    after, end = device.received()
    if after == count:
        raise Failure("no frame came back")
    return (after - count) / (end - start)


def _device(bench, folder, size):
    socket = os.path.join(folder, "v.sock")
    return socket, TestPMD("net_vhost", bench.cpus[0], folder, f"net_vhost0,iface={socket},queues=1",
                           "--forward-mode=flowgen", f"--txpkts={size}", "--flowgen-flows=1")


def _with_device(size, drive):
    def run(bench):
        with tempfile.TemporaryDirectory(prefix="cleanq-bench-") as folder:
            socket, device = _device(bench, folder, size)
            with device:
                device.say("start")
                with drive(bench, socket, folder) as driver:
                    try:
                        return _measure(bench, device)
                    except Failure as failure:
                        raise Failure(f"{failure}; {driver.label} said: {last_lines(driver.output())}") from None
    return run


def ours(rings, size, layers):
    """`layers`: what stands between the device and `echo`."""
    packed = "yes" if VARIANTS[rings][0] else "no"

    def drive(bench, socket, _):
        text = f"vhost-user({socket}, mac: {DRIVER_MAC}, packed: {packed})@{bench.cpus[-1]} | {layers}echo"
        return Server("cleanq", [bench.cleanq, "run", text])
    return _with_device(size, drive)


def virtio_user(rings, size, mode):
    def drive(bench, socket, folder):
        device = f"net_virtio_user0,path={socket},queues=1,queue_size=256,mac={DRIVER_MAC},{VARIANTS[rings][1]}"
        # The device waits for hugepages, a driver's memory has to be shared.
        return _started(TestPMD("net_virtio_user", bench.cpus[-1], folder, device, f"--forward-mode={mode}"))
    return _with_device(size, drive)


class _started:
    """A driver that forwards from the beginning of the block."""

    def __init__(self, driver):
        self.driver = driver

    def __enter__(self):
        driver = self.driver.__enter__()
        driver.say("start")
        return driver

    def __exit__(self, *exception):
        return self.driver.__exit__(*exception)


IP_UDP = f"ip({DRIVER_ADDRESS}) | udp({PORT}) | "
