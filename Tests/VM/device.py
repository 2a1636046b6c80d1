"""What every test of the VM suite stands on: our NICs, the kernel's NICs, the guest's log, the command."""

import json
import os
import re
import unittest
from pathlib import Path

from harness import CLEANQ, Case, Daemon, command, spawn
from namespaces import Namespace

PROBE = os.environ.get("PROBE", "cleanq-vm-probe")

# Ours, and the kernel's on the same hub.
OURS, SECOND, PACKED, PLUGGED = "0000:00:04.0", "0000:00:05.0", "0000:00:0c.0", "0000:01:00.0"
MULTIQUEUE, SCALING = "0000:00:0e.0", "0000:00:0f.0"
PEERS = {OURS: "0000:00:10.0", SECOND: "0000:00:11.0", PACKED: "0000:00:12.0", PLUGGED: "0000:00:13.0",
         MULTIQUEUE: "0000:00:10.0", SCALING: "0000:00:10.0"}
ETHERNET = {OURS: "02:00:00:00:00:11", MULTIQUEUE: "02:00:00:00:00:15", SCALING: "02:00:00:00:00:16"}
LEGACY, WITHOUT_PLATFORM, FIRST_OF_TWO, SECOND_OF_TWO, FOREIGN = (
    "0000:00:06.0", "0000:00:07.0", "0000:00:08.0", "0000:00:08.1", "0000:00:09.0")
ABSENT = "0000:00:1e.7"

STACK, KERNEL = "10.0.0.2", "10.0.0.1"

expect = unittest.TestCase()  # for what holds after the last test of a class


def echo_pipeline(device=OURS, arguments="", mark=""):
    return f"virtio({device}{arguments}){mark} | ip({STACK}/24) | udp(7) | echo"


def cleanq(*arguments, check=True):
    return command(CLEANQ, *arguments, check=check)


def devices():
    return {d["address"]: d for d in json.loads(cleanq("devices", "--json").stdout)["devices"]}


def driver(address):
    link = Path(f"/sys/bus/pci/devices/{address}/driver")
    return link.resolve().name if link.exists() else None


def group_of(address):
    return Path(f"/sys/bus/pci/devices/{address}/iommu_group").resolve().name


def interface(address):
    """The kernel's interface on a NIC that the kernel drives."""
    function = Path(f"/sys/bus/pci/devices/{address}")
    found = [*function.glob("virtio*/net/*"), *function.glob("net/*")]
    return found[0].name if found else None


def bind(address, cleanup):
    """Gives a NIC to us until the cleanup, which finds it as it was."""
    before = driver(address)
    cleanq("devices", "bind", address)
    expect.assertEqual(driver(address), "vfio-pci")
    cleanup(unbind, address, before)


def unbind(address, before):
    cleanq("devices", "unbind", address)
    expect.assertEqual(driver(address), before, "left bound")
    override = Path(f"/sys/bus/pci/devices/{address}/driver_override").read_text().strip()
    expect.assertEqual(override, "(null)", "left behind")


def ping_all(ns, count):
    """How many of so many requests were answered, each sent when the one before was, or after a while."""
    done = ns.run("ping", "-n", "-A", "-c", count, "-W", "5", "-w", "60", STACK, check=False, timeout=70)
    if "DUP!" in done.stdout or "wrong data" in done.stdout:
        raise AssertionError(done.stdout[-2000:])
    answered = {int(n) for n in re.findall(r"^\d+ bytes from .*icmp_seq=(\d+) ", done.stdout, re.M)}
    return len(answered & set(range(1, count + 1)))


class Log:
    """What the guest's kernel logs from now on."""

    def __init__(self):
        self.file = os.open("/dev/kmsg", os.O_RDONLY | os.O_NONBLOCK)
        os.lseek(self.file, 0, os.SEEK_END)

    def lines(self):
        found = []
        while True:
            try:
                found.append(os.read(self.file, 8192).decode(errors="replace").split(";", 1)[-1].strip())
            except BlockingIOError:
                return found
            except BrokenPipeError:  # overwritten before it was read
                continue

    def faults(self):
        return [line for line in self.lines() if "DMAR" in line and "fault" in line.lower()]


class KernelSide(Namespace):
    """A network namespace that has the kernel's NIC on the hub of one of ours."""

    def __init__(self, ours, address):
        super().__init__("vm")
        self.address = PEERS[ours]
        self.interface = interface(self.address)
        self.keeps.add(self.interface)
        command("ip", "link", "set", self.interface, "netns", self.name)
        self.ip("address", "add", f"{address}/24", "dev", self.interface)
        self.ip("link", "set", self.interface, "up")

    def kernel_drops(self, interface=None):
        return super().kernel_drops(self.interface)

    def gone(self):
        # By a name that no other card has got meanwhile.
        self.ip("link", "set", self.interface, "netns", "1", "name", "k" + re.sub(r"\W", "", self.address))
        expect.assertEqual(self.close(), [], "left behind")


def interrupts(device, vector):
    """How often an interrupt vector of a NIC of ours has fired."""
    lines = [line.split() for line in open("/proc/interrupts") if f"vfio-msix[{vector}]({device})" in line]
    expect.assertEqual(len(lines), 1, f"no interrupt vector {vector}")
    return sum(int(word) for word in lines[0][1:] if word.isdigit())


class Here:
    """The namespace of the suite, for a daemon that needs no other."""

    def spawn(self, *argv, **options):
        return spawn([str(a) for a in argv], **options)


class DeviceCase(Case):
    """Binds what its tests use, and leaves every device as it was, and no fault in the log."""

    bound = (OURS,)
    faults_expected = False

    @classmethod
    def setUpClass(cls):
        cls.log = Log()
        cls.addClassCleanup(cls.check_faults)
        for address in cls.bound:
            bind(address, cls.addClassCleanup)

    @classmethod
    def check_faults(cls):
        if not cls.faults_expected:
            expect.assertEqual(cls.log.faults(), [], "the IOMMU stopped a device")

    def bind(self, address):
        bind(address, self.addCleanup)

    def kernel_side(self, ours=OURS, address=KERNEL):
        ns = KernelSide(ours, address)
        self.addCleanup(ns.gone)
        return ns

    def run_pipeline(self, pipeline, **options):
        return self.daemon(Here(), "run", pipeline, **options)

    def refusal(self, *arguments, status=1):
        """The one line with which a command refuses."""
        done = cleanq(*arguments, check=False)
        self.assertEqual(done.returncode, status, done.stderr)
        lines = [line for line in done.stderr.splitlines() if line.strip()]
        self.assertEqual(len(lines), 1, done.stderr)
        return lines[0].removeprefix("error: ")


class StackCase(DeviceCase):
    """One echo daemon on a NIC of ours and the kernel on its hub, for all tests of the class."""

    device, arguments, mark, options = OURS, "", "", ()

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.ns = KernelSide(cls.device, KERNEL)
        cls.addClassCleanup(cls.ns.gone)
        cls.running = Daemon(Here(), "run", *cls.options, echo_pipeline(cls.device, cls.arguments, cls.mark))
        cls.addClassCleanup(cls.running.kill)
        cls.addClassCleanup(cls.finish)

    @classmethod
    def finish(cls):
        """Every packet of every test was answered, and every buffer came back."""
        summary = cls.running.stop().check(expect)
        expect.assertEqual(summary.drops, {})
