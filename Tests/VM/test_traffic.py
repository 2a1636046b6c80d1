"""Our stack on our NIC against the guest's kernel on its own: ping, UDP, interrupts; and two of our NICs as a wire."""

import hashlib
import socket
import threading
import time

from device import OURS, PACKED, SECOND, STACK, DeviceCase, StackCase, echo_pipeline, interrupts, ping_all
from test_echo import cpu_seconds
from traffic import check_window, echo, echoes, every_length


class EchoSplit(StackCase):
    arguments, lengths = ", packed: no", range(1473)

    def test_ping(self):
        self.assertEqual(ping_all(self.ns, 1000), 1000)

    def test_every_length(self):
        with self.ns.udp(timeout=5.0) as s:
            self.assertEqual(every_length(s, self.lengths, self.random), [], f"seed {self.seed}")

    def test_window(self):
        check_window(self, self.ns, 5_000)

    def test_sleeps_and_wakes_up(self):
        """Nothing to do costs nothing, and the interrupt of the first packet wakes the loop."""
        echoes(self, self.ns)
        time.sleep(0.3)
        fired = interrupts(self.device, 1)  # the receive queue's; a shared timer tick of the loop would not count here
        before, begun = cpu_seconds(self.running.pid), time.monotonic()
        time.sleep(2)
        used = (cpu_seconds(self.running.pid) - before) / (time.monotonic() - begun)
        with self.ns.udp(timeout=5.0) as s:
            begun = time.monotonic()
            self.assertIsNone(echo(s, b"awake?"))
            answered = time.monotonic() - begun
        self.note(f"idle {used:.2%} of an emulated CPU, first answer after {answered * 1000:.1f} ms")
        self.assertGreater(interrupts(self.device, 1), fired, "the receive queue's interrupt did not fire")
        self.assertLess(used, 0.05, "idle CPU")
        self.assertLess(answered, 0.5, "first answer after idling")


class EchoPacked(EchoSplit):
    bound, device, arguments, lengths = (PACKED,), PACKED, ", packed: yes", range(0, 1473, 9)


class Stages(DeviceCase):
    bound = (OURS, PACKED)

    def test_nic(self):
        ns = self.kernel_side()
        daemon = self.run_pipeline(f"nic({OURS}) | ip({STACK}/24) | udp(7) | echo")
        echoes(self, ns)
        daemon.stop().check(self)

    def test_split_on_a_device_that_has_packed(self):
        ns = self.kernel_side(PACKED)
        daemon = self.run_pipeline(echo_pipeline(PACKED, ", packed: no"))
        echoes(self, ns)
        daemon.stop().check(self)

    def test_what_the_device_has_not_is_named(self):
        said = self.refusal("run", echo_pipeline(arguments=", packed: yes"))
        self.assertEqual(said, f"virtio({OURS}): the device does not offer F_RING_PACKED")
        said = self.refusal("run", echo_pipeline(arguments=", queues: 2", mark="@0,1"))
        self.assertEqual(said, f"virtio({OURS}): the device does not offer NET_F_MQ")


class Forward(DeviceCase):
    """Two of our NICs, a hub each, and a connection of the kernel's with itself through them."""

    bound = (OURS, SECOND, PACKED)

    def test_file_over_tcp(self):
        self.check_transfer(OURS)

    def test_file_over_tcp_packed(self):
        self.check_transfer(PACKED)

    def check_transfer(self, first):
        left, right = self.kernel_side(first, "10.1.0.1"), self.kernel_side(SECOND, "10.1.0.2")
        daemon = self.run_pipeline(f"virtio({first}) | virtio({SECOND})")
        content = self.random.randbytes(2 << 20)
        listener = self.closing(right.socket(socket.AF_INET, socket.SOCK_STREAM))
        listener.bind(("10.1.0.2", 5001))
        listener.listen()
        listener.settimeout(30)
        received = []
        reader = threading.Thread(target=lambda: received.append(all_from(listener)))
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


def all_from(listener):
    connection, _ = listener.accept()
    with connection:
        connection.settimeout(30)
        parts = []
        while part := connection.recv(1 << 16):
            parts.append(part)
        return b"".join(parts)
