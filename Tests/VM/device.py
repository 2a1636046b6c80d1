"""What every test of the VM suite stands on: our NICs, the kernel's NICs, the guest's log, the command."""

import json
import os
import re
import unittest
from pathlib import Path

from harness import CLEANQ, Case, Daemon, command, spawn, wait_until
from namespaces import Namespace

MACHINE = os.environ.get("VM_MACHINE", "split")
PROBE = os.environ.get("PROBE", "cleanq-vm-probe")

# Ours, and the kernel's on the same hub.
OURS, SECOND = "0000:00:04.0", "0000:00:05.0"
PEERS = {OURS: "0000:00:10.0", SECOND: "0000:00:11.0"}
LEGACY, WITHOUT_PLATFORM, FIRST_OF_TWO, SECOND_OF_TWO, FOREIGN = (
    "0000:00:06.0", "0000:00:07.0", "0000:00:08.0", "0000:00:08.1", "0000:00:09.0")
ABSENT = "0000:00:1e.7"

STACK, KERNEL = "10.0.0.2", "10.0.0.1"


def echo_pipeline(device=OURS, arguments=""):
    return f"virtio({device}{arguments}) | ip({STACK}/24) | udp(7) | echo"


def cleanq(*arguments, check=True):
    return command(CLEANQ, *arguments, check=check)


def devices():
    return {d["address"]: d for d in json.loads(cleanq("devices", "--json").stdout)["devices"]}


def driver(address):
    link = Path(f"/sys/bus/pci/devices/{address}/driver")
    return link.resolve().name if link.exists() else None


def interface(address):
    """The kernel's interface on a NIC that the kernel drives."""
    found = list(Path(f"/sys/bus/pci/devices/{address}").glob("virtio*/net/*")) + list(
        Path(f"/sys/bus/pci/devices/{address}").glob("net/*"))
    return found[0].name if found else None


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
    """A network namespace that has one of the kernel's NICs."""

    def __init__(self, ours, address):
        super().__init__("vm")
        pci = PEERS[ours]
        self.interface = interface(pci)
        self.keeps.add(self.interface)
        command("ip", "link", "set", self.interface, "netns", self.name)
        self.ip("address", "add", f"{address}/24", "dev", self.interface)
        self.ip("link", "set", self.interface, "up")

    def close(self):
        self.ip("link", "set", self.interface, "netns", "1")
        return super().close()

    def snmp(self, protocol, name):
        return super().snmp(protocol, name)


class Here:
    """The namespace of the suite, for a daemon that needs no other."""

    def spawn(self, *argv, **options):
        return spawn([str(a) for a in argv], **options)


class DeviceCase(Case):
    """Binds what it uses, and leaves every device as it was: bound as before, no fault in the log."""

    bound = (OURS,)
    faults_expected = False

    def setUp(self):
        super().setUp()
        self.log = Log()
        self.addCleanup(self.check_rest)
        for address in self.bound:
            self.bind(address)

    def bind(self, address):
        before = driver(address)
        cleanq("devices", "bind", address)
        self.assertEqual(driver(address), "vfio-pci")
        self.addCleanup(self.unbind, address, before)

    def unbind(self, address, before):
        cleanq("devices", "unbind", address)
        self.assertEqual(driver(address), before, "left bound")
        override = Path(f"/sys/bus/pci/devices/{address}/driver_override").read_text().strip()
        self.assertEqual(override, "(null)", "left behind")

    def check_rest(self):
        faults = self.log.faults()
        if not self.faults_expected:
            self.assertEqual(faults, [], "the IOMMU stopped a device")

    def kernel_side(self, ours=OURS, address=KERNEL):
        ns = KernelSide(ours, address)
        self.addCleanup(lambda: self.assertEqual(ns.close(), [], "left behind"))
        return ns

    def run_pipeline(self, pipeline, *options, **more):
        return self.daemon(Here(), "run", *options, pipeline, **more)

    def refusal(self, *arguments, status=1):
        """The one line with which a command refuses."""
        done = cleanq(*arguments, check=False)
        self.assertEqual(done.returncode, status, done.stderr)
        lines = [line for line in done.stderr.splitlines() if line.strip()]
        self.assertEqual(len(lines), 1, done.stderr)
        return lines[0].removeprefix("error: ")
