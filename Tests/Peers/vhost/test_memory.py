"""A back end that takes away the memory that it was given: it cannot make it shorter, and where it takes pages away its queues
break and are made anew, and the process goes on.
"""

import ctypes
import fcntl
import mmap
import os
import struct
import subprocess
import sys
import time

from backend import BackEnd
from driven import FRAME, PLAIN, Driven
from rig import hugepages
from namespace import Namespace
from process import Failure

LIBC = ctypes.CDLL(None, use_errno=True)
KEEP_SIZE, PUNCH_HOLE = 1, 2
MAP_HUGE_2MB = 0x40000 | 21 << 26
HUGE = 2 << 20
GET_SEALS, SEALS = 1034, 1 | 2 | 4


class Taker(BackEnd):
    """Keeps the files of the memory that it is given."""

    files = ()

    def _map(self, payload, files):
        for file, _ in self.files:
            os.close(file)
        sizes = [struct.unpack_from("=Q", payload, 16 + 32 * index)[0] for index in range(len(files))]
        self.files = [(os.dup(file), size) for file, size in zip(files, sizes)]
        super()._map(payload, files)

    def punch(self, file, size):
        if LIBC.fallocate(file, KEEP_SIZE | PUNCH_HOLE, ctypes.c_long(0), ctypes.c_long(size)) != 0:
            raise OSError(ctypes.get_errno(), "fallocate")

    @property
    def huge(self):
        return [(file, size) for file, size in self.files if os.fstat(file).st_blksize == HUGE]


def hog():
    """Takes hugepages until there is none; they are free again when it is closed."""
    mapping = mmap.mmap(-1, HUGE, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS | MAP_HUGE_2MB)
    mapping[0] = 1
    return mapping


class Memory(Driven):
    """Split rings."""

    def start(self, *options, end="loopback", command=()):
        device = self.enterContext(Taker(self.path("memory"), PLAIN))
        self.drive([device], f"{self.stage(device, *options)} | {end}", command)
        return device

    def is_alive(self):
        return self.driver.process.poll() is None

    def end(self, *kinds):
        return self.settle(*kinds)[0]

    def test_cut_off(self):
        device = self.start()
        self.assertTrue(device.works(b"before"))
        self.assertGreater(len(device.files), 1)
        for file, size in device.files:
            self.assertEqual(fcntl.fcntl(file, GET_SEALS), SEALS)
            for length in (0, 2 * size):
                with self.assertRaises(PermissionError):
                    os.ftruncate(file, length)
        self.assertTrue(device.works(b"after"), self.driver.said()[1])
        self.end()

    def test_hole_in_ordinary_pages(self):
        """Zeros: as if the back end had written them."""
        device = self.start()
        self.assertTrue(device.works(b"before"))
        for file, size in device.files:
            if (file, size) not in device.huge:
                device.punch(file, size)
        for ring in device.rings.values():
            ring.ring_call()
        time.sleep(0.3)
        self.assertTrue(self.is_alive(), self.driver.said()[1])
        device.hang_up()
        self.assertTrue(device.works(b"after"), self.driver.said()[1])
        self.end()

    def huge_pages(self, count):
        pages = hugepages.Hugepages(count)
        try:
            pages.take()
        except Failure as failure:
            self.skipTest(str(failure))
        self.addCleanup(pages.give_back)

    def take_away(self, device):
        """Punches holes into the hugepages, and takes what has become free. Returns what holds it."""
        self.assertTrue(device.huge, "no region is of hugepages")
        taken = []
        with device.lock:
            for file, size in device.huge:
                device.punch(file, size)
        while True:
            try:
                taken.append(hog())
            except OSError:
                break
        self.assertTrue(taken, "no hugepage has become free")
        self.addCleanup(lambda: [mapping.close() for mapping in taken])
        return taken

    def use_without_touching(self, device, length=76):
        """Says that a frame was written to a buffer, which the driver looks at."""
        with device.lock:
            ring = device.rings[0]
            chain = ring.wait()
            ring.use(chain.id, length, chain.slots)

    def recover(self, device, taken):
        """While no hugepage is free the stage waits and says why; then it goes on."""
        self.wait_until(lambda: device.served == 1, "end of the connection")
        self.wait_until(lambda: "reserve more hugepages" in self.driver.said()[1], "word of what to do")
        self.assertTrue(self.is_alive(), self.driver.said()[1])
        for mapping in taken:
            mapping.close()
        taken.clear()
        self.assertTrue(device.ready(), self.driver.said()[1])

    def test_hole_in_hugepages(self):
        self.huge_pages(1)
        device = self.start()
        self.assertTrue(device.works(b"before"))
        for turn in range(2):
            device.served = 0
            taken = self.take_away(device)
            self.use_without_touching(device)
            self.recover(device, taken)
            self.assertTrue(device.works(b"after"), self.driver.said()[1])
        said = self.driver.said()[1]
        self.assertIn("shared memory away", said)
        summary = self.end("memory-lost", "device-losses", "device-returns")
        self.assertEqual(summary["stages"][0]["counters"]["memory-lost"], 2)

    def test_hole_in_hugepages_that_can_be_replaced(self):
        """Another page is free: the driver reads zeros, and no page is lost."""
        self.huge_pages(2)
        device = self.start()
        self.assertTrue(device.works(b"before"))
        for file, size in device.huge:
            device.punch(file, size)
        self.assertTrue(device.works(b"after"), self.driver.said()[1])
        self.end()

    def test_stop_while_it_is_gone(self):
        self.huge_pages(1)
        device = self.start()
        self.assertTrue(device.works(b"before"))
        self.take_away(device)
        self.use_without_touching(device)
        self.wait_until(lambda: device.served == 1, "end of the connection")
        self.end("memory-lost")

    def test_system_calls_find_no_page(self):
        """The kernel writes what came from a TAP device to a page that is gone: that is no end of the TAP device."""
        self.huge_pages(1)
        with Namespace() as namespace:
            device = self.start(
                "mac: 02:00:00:00:00:09", end="tap(tap0, address: 10.251.0.1/24)", command=namespace.command())
            namespace.run("ip", "neigh", "add", "10.251.0.2", "lladdr", "02:00:00:00:00:09", "dev", "tap0")

            def crosses(mark):
                send = f"import socket; s = socket.socket(2, 2); s.sendto({mark!r} * 8, ('10.251.0.2', 9))"
                subprocess.run(namespace.command(sys.executable, "-c", send), check=True)
                deadline = time.monotonic() + 1
                while time.monotonic() < deadline:
                    try:
                        frame = device.receive(0.2)
                    except (LookupError, ValueError, OSError):
                        continue
                    if frame and mark * 8 in frame:
                        return True
                return False

            self.wait_until(lambda: crosses(b"before"), "frame from the TAP device")
            taken = self.take_away(device)
            # Nothing but the kernel touches the buffers.
            send = "import socket; s = socket.socket(2, 2)\nfor _ in range(20): s.sendto(bytes(80), ('10.251.0.2', 9))"
            subprocess.run(namespace.command(sys.executable, "-c", send), check=True)
            self.recover(device, taken)
            self.wait_until(lambda: crosses(b"after"), "frame from the TAP device")
            summary = self.end("memory-lost")
            self.assertIsNone(summary["stages"][1].get("failure"))
            self.assertGreater(summary["stages"][1]["drops"]["memory-lost"], 0)


class Two(Driven):
    """Two back ends, one at each end of a pipeline."""

    def start(self, shared="", middle=""):
        left, right = (self.enterContext(Taker(self.path(name), PLAIN)) for name in ("left", "right"))
        self.drive([left, right], f"vhost-user({left.path}) | {middle}vhost-user({right.path}{shared})")
        self.wait_until(lambda: left.send(FRAME, seconds=0.2) and right.receive(0.2), "traffic")
        while right.receive(0.2):
            pass
        return left, right

    def common(self, left, right):
        """Memory that both have."""
        return {os.fstat(file).st_ino for file, _ in left.files} & {os.fstat(file).st_ino for file, _ in right.files}

    def crosses(self, source, sink, frame):
        self.assertTrue(source.send(frame), self.driver.said()[1])
        return sink.receive(3) == frame

    def test_packets_are_copied(self):
        left, right = self.start()
        self.assertEqual(self.common(left, right), set())
        for number in range(600):  # more than there are buffers
            frame = FRAME + number.to_bytes(4, "big")
            self.assertTrue(self.crosses(left, right, frame), f"frame {number} to the right")
            self.assertTrue(self.crosses(right, left, frame), f"frame {number} to the left")
        right.hang_up()
        self.wait_until(lambda: right.ready(0.1), "new connection")
        self.wait_until(lambda: left.send(FRAME, seconds=0.2) and right.receive(0.2), "traffic")
        summary = self.driver.end()
        self.assertEqual(summary["accounts"]["lostBytes"], 0)
        self.assertTrue(summary["accounts"]["exact"])
        self.assertGreaterEqual(summary["stages"][1]["counters"]["copied"], 1200)

    def test_one_cannot_change_what_was_captured(self):
        path = self.path("capture")
        left, right = self.start(middle=f"pcap({path}) | ")
        frame = FRAME + b"as it was sent"
        left.send(frame)
        # What the one is about to write to, the other one cannot reach.
        with left.lock, right.lock:
            place = left.rings[0].wait().parts[0][0]
            left.memory.write(place, b"mine")
            with self.assertRaises(LookupError):
                right.memory.write(place, b"not mine")
        # The receiver writes all over what it was given; the next one is as it was sent.
        with right.lock:
            chain = right.rings[1].wait()
            self.assertEqual(right.rings[1].gather(chain)[12:], frame)
            right.rings[1].scatter(chain, bytes(chain.room))
            right.rings[1].use(chain.id, 0, chain.slots)
        self.assertTrue(self.crosses(right, left, frame))
        self.driver.end()
        with open(path, "rb") as file:
            self.assertGreaterEqual(file.read().count(frame), 2)

    def test_shared(self):
        left, right = self.start(shared=", shared: yes")
        self.assertEqual(len(self.common(left, right)), 1)
        self.assertTrue(self.crosses(left, right, FRAME))
        summary = self.driver.end()
        self.assertNotIn("copied", summary["stages"][1]["counters"])


class MemoryPacked(Memory):
    """Packed rings."""

    packed = True
