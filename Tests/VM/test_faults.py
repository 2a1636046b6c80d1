"""A device that is told an address nobody maps: the IOMMU stops it, and nobody else is hurt."""

import contextlib
import re
import socket
import subprocess
import threading

from device import OURS, PROBE, DeviceCase, Here, echo_pipeline
from traffic import echoes


class Faults(DeviceCase):
    faults_expected = True

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
            said, complaints = probe.communicate(timeout=20)
        self.assertEqual(probe.returncode, 0, complaints)
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
