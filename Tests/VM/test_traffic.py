"""Our stack on our NIC against the guest's kernel on its own: ping, UDP, forwarding, interrupts."""

import hashlib
import os
import socket
import threading
import time
import unittest

from device import KERNEL, MACHINE, OURS, SECOND, STACK, DeviceCase, echo_pipeline
from traffic import check_window, echo, echoes, every_length, ping
from test_echo import cpu_seconds

PACKED = MACHINE == "packed"
# What a machine's devices have is used; the packed one is asked not to fall back.
VARIANT = ", packed: yes" if PACKED else ", packed: no"


class Echo(DeviceCase):
    pipeline = echo_pipeline(arguments=VARIANT)

    def start(self):
        return self.kernel_side(), self.run_pipeline(self.pipeline)

    def test_ping(self):
        ns, daemon = self.start()
        self.assertEqual(ping(ns, 1000), (1000, 1000))
        summary = daemon.stop().check(self)
        self.assertGreaterEqual(summary.stage("virtio")["received"]["packets"], 1000)
        self.assertEqual(summary.drops, {})

    def test_every_length(self):
        ns, daemon = self.start()
        with ns.udp() as s:
            self.assertEqual(every_length(s, range(1473), self.random), [], f"seed {self.seed}")
        self.assertEqual(daemon.stop().check(self).drops, {})

    def test_window(self):
        ns, daemon = self.start()
        check_window(self, ns, 5_000)
        daemon.stop().check(self)

    def test_sleeps_and_wakes_up(self):
        """Nothing to do costs nothing, and the interrupt of the first packet wakes the loop."""
        ns, daemon = self.start()
        echoes(self, ns)
        time.sleep(0.3)
        before, begun = cpu_seconds(daemon.pid), time.monotonic()
        time.sleep(2)
        used = (cpu_seconds(daemon.pid) - before) / (time.monotonic() - begun)
        with ns.udp() as s:
            begun = time.monotonic()
            self.assertIsNone(echo(s, b"awake?"))
            answered = time.monotonic() - begun
        interrupts = [line for line in open("/proc/interrupts") if f"vfio-msix[1]({OURS})" in line]
        self.assertEqual(len(interrupts), 1, "no interrupt vector of the receive queue")
        self.assertGreater(sum(int(word) for word in interrupts[0].split()[1:3]), 0, "it never fired")
        self.note(f"idle {used:.2%} of an emulated CPU, first answer after {answered * 1000:.1f} ms")
        self.assertLess(used, 0.05, "idle CPU")
        self.assertLess(answered, 0.25, "first answer after idling")
        daemon.stop().check(self)

    def test_nic_stage(self):
        ns = self.kernel_side()
        daemon = self.run_pipeline(f"nic({OURS}) | ip({STACK}/24) | udp(7) | echo")
        echoes(self, ns)
        daemon.stop().check(self)

    @unittest.skipUnless(PACKED, "the packed machine's")
    def test_split_on_a_device_that_has_packed(self):
        ns = self.kernel_side()
        daemon = self.run_pipeline(echo_pipeline(arguments=", packed: no"))
        echoes(self, ns)
        daemon.stop().check(self)

    @unittest.skipIf(PACKED, "the split machine's")
    def test_what_the_device_has_not_is_named(self):
        said = self.refusal("run", echo_pipeline(arguments=", packed: yes"))
        self.assertEqual(said, f"virtio({OURS}): the device does not offer F_RING_PACKED")


class Forward(DeviceCase):
    """Two of our NICs, one hub each, and a connection of the kernel's with itself through them."""

    bound = (OURS, SECOND)

    def test_file_over_tcp(self):
        left, right = self.kernel_side(OURS, "10.1.0.1"), self.kernel_side(SECOND, "10.1.0.2")
        daemon = self.run_pipeline(f"virtio({OURS}{VARIANT}) | virtio({SECOND}{VARIANT})")
        content = self.random.randbytes(4 << 20)
        listener = self.closing(right.socket(socket.AF_INET, socket.SOCK_STREAM))
        listener.bind(("10.1.0.2", 5001))
        listener.listen()
        listener.settimeout(30)
        received = []
        reader = threading.Thread(target=lambda: received.append(self.all_from(listener)))
        reader.start()
        begun = time.monotonic()
        with left.socket(socket.AF_INET, socket.SOCK_STREAM) as s:
            s.settimeout(30)
            s.connect(("10.1.0.2", 5001))
            s.sendall(content)
        reader.join(60)
        seconds = time.monotonic() - begun
        self.assertEqual([hashlib.sha256(r).hexdigest() for r in received], [hashlib.sha256(content).hexdigest()])
        self.note(f"{len(content) / seconds / 1e6:.1f} MB/s")
        summary = daemon.stop().check(self)
        self.assertGreater(summary.stages[0]["received"]["bytes"], len(content))
        self.assertGreater(summary.stages[1]["transmitted"]["bytes"], len(content))

    def all_from(self, listener):
        connection, _ = listener.accept()
        with connection:
            connection.settimeout(30)
            parts = []
            while part := connection.recv(1 << 16):
                parts.append(part)
            return b"".join(parts)
