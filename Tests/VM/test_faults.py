"""A device that is told an address nobody maps, which the IOMMU stops, or nonsense, which it gives up over: nobody else is hurt."""

import contextlib
import re
import socket
import subprocess
import threading
import time

from device import ETHERNET, OURS, PROBE, STACK, DeviceCase, Here, echo_pipeline
from traffic import echo, echoes


class Faults(DeviceCase):
    faults_expected = True

    def setUp(self):
        super().setUp()
        self.log.lines()  # those of the test before

    def test_unmapped_buffers(self):
        """The probe takes the mapping of its buffers away under the driver: no byte of them is written, and the kernel tells
        of the fault. With the mapping back, the same driver goes on."""
        ns = self.kernel_side()
        probe = self.child(Here().spawn(PROBE, "fault", OURS, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True))
        stated = re.fullmatch(r"first=(\d+) last=(\d+)\n", probe.stdout.readline())
        self.assertIsNotNone(stated, probe.stderr.read() if probe.poll() is not None else "")
        first, last = map(int, stated.groups())
        self.assertEqual(probe.stdout.readline(), "ready\n")
        with self.broadcasts(ns):
            said, diagnostics = probe.communicate(timeout=20)
        self.assertEqual(probe.returncode, 0, diagnostics)
        faults = self.log.faults()
        addresses = [int(n, 16) for line in faults for n in re.findall(r"fault addr (0x[0-9a-f]+)", line)]
        self.assertTrue(addresses, f"no fault in the kernel's log; the probe said {said}")
        for address in addresses:
            self.assertTrue(first <= address <= last, f"{address:#x} is not in {first:#x} ... {last:#x}")
        self.assertIn("while unmapped: written=0 ", said)
        self.assertIn(f"again={first}\n", said)
        working = int(re.search(r"mapped again: written=(\d+)", said)[1])
        self.assertGreater(working, 0, said)
        self.note(f"{len(addresses)} faults, then {working} frames; {said.splitlines()[-1]}")
        daemon = self.run_pipeline(echo_pipeline())
        echoes(self, ns)
        daemon.stop().check(self)

    def sabotaged(self, wish):
        """A running echo of ours of which one frame goes wrong as wished: what was said to the wish, and at the end."""
        ns = self.kernel_side()
        # No question about addresses between the datagrams.
        ns.ip("neighbour", "replace", STACK, "lladdr", ETHERNET[OURS], "dev", ns.interface, "nud", "permanent")
        probe = self.child(Here().spawn(PROBE, "echo", OURS, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                        stderr=subprocess.PIPE, text=True))
        self.assertEqual(probe.stdout.readline(), "ready\n", probe.stderr.read() if probe.poll() is not None else "")
        echoes(self, ns)
        time.sleep(0.2)
        probe.stdin.write(wish + "\n")
        probe.stdin.flush()
        time.sleep(0.2)
        with ns.udp(timeout=1.0) as s:
            self.assertIsNotNone(echo(s, b"this is not answered"))
        echoes(self, ns, count=20)
        said, diagnostics = probe.communicate(timeout=20)
        self.assertEqual(probe.returncode, 0, diagnostics)
        self.assertIn("lost=0 ", said)
        return said, diagnostics

    def test_frame_to_send_that_is_not_mapped(self):
        """A descriptor in the ring of a running pipeline points nowhere: the IOMMU stops the device, which reads nothing; one
        answer is lost, the next ones are not."""
        said, _ = self.sabotaged("fault")
        nowhere = int(re.search(r"nowhere=(\d+)", said)[1])
        faults = self.log.faults()
        addresses = [int(n, 16) for line in faults for n in re.findall(r"Read.*fault addr (0x[0-9a-f]+)", line)]
        self.assertTrue(addresses, f"no fault of a read in the kernel's log, but {faults}")
        for address in addresses:
            self.assertEqual(address & ~0xFFF, nowhere & ~0xFFF)
        self.note(f"{len(addresses)} faults; {said.splitlines()[-1]}")

    def test_device_that_needs_a_reset(self):
        """The device finds a ring that cannot be, says that it needs a reset, and gets one; the pipeline goes on."""
        said, diagnostics = self.sabotaged("head")
        self.assertIn("the device asks for a reset", diagnostics)
        for count in ("device-losses=1", "device-returns=1", "device-gone=1"):
            self.assertIn(count, said)
        self.note(said.splitlines()[-1])

    @contextlib.contextmanager
    def broadcasts(self, ns):
        """Fifty frames a second to everybody, so that none waits for a neighbour's address."""
        enough = threading.Event()

        def send():
            with ns.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
                s.setsockopt(socket.SOL_SOCKET, socket.SO_BROADCAST, 1)
                while not enough.wait(0.02):
                    s.sendto(b"to whom it may concern", ("10.0.0.255", 9))

        sender = threading.Thread(target=send)
        sender.start()
        try:
            yield
        finally:
            enough.set()
            sender.join()
