"""A back end that lies: each lie is counted by its kind, costs no buffer, stops nothing, and traffic goes on after it.

The lies are those of which systems have died: see Failures in CleanQ.docc and the numbers beside each test there.
"""

import os
import random
import struct
import time

from backend import IN_ORDER, MERGEABLE, PROTOCOL_FEATURES, VERSION_1, BackEnd
from driven import FRAME, PLAIN, Driven
from rig import CLEANQ, Case


class Hostile(Driven):
    """Split rings."""

    def start(self, *extra, features=PLAIN, answer=None):
        """A back end, and a driver that echoes: `vhost-user(…) | loopback`."""
        device = self.enterContext(BackEnd(self.path("hostile"), features, answer))
        self.drive([device], f"{self.stage(device, *extra)} | loopback")
        self.assertTrue(device.works(b"before"), "an honest device is not served")
        return device

    def end(self, device, *kinds):
        """After the lie: a frame there and back, an orderly end, no byte missing, each kind counted."""
        self.assertTrue(device.works(b"after"), f"no traffic after the lie; it said {self.driver.said()[1]}")
        return self.settle(*kinds)[1]

    def forge(self, device, id):
        """A used element in place of the one that is due: a chain of the transmit queue is under way. `id` gets its id."""
        self.assertIsNotNone(device.send(FRAME))
        with device.lock:
            ring = device.rings[1]
            chain = ring.wait()
            ring.use(id(chain.id, ring.size), 0, chain.slots)

    # Ids: failures 3 and 4

    def test_id_that_is_none(self):
        device = self.start()
        for lie in (0x7FFF, 0xFFFF) if self.packed else (0x8000, 0xFFFF, 0xFFFFFFFF):
            self.forge(device, lambda id, size: lie)
            self.assertTrue(device.works(b"again"))
        self.end(device, "bad-id")

    def test_id_that_is_not_with_the_device(self):
        device = self.start()
        # One chain is under way; all other ids are at home.
        self.forge(device, lambda id, size: (id + 1) % size)
        self.end(device, "not-in-flight")

    def test_used_twice(self):
        device = self.start()
        for _ in range(2):
            self.assertIsNotNone(device.send(FRAME))
        with device.lock:
            ring = device.rings[1]
            first, second = ring.wait(), ring.wait()
            ring.use(first.id, 0, first.slots)
            time.sleep(0.1)  # the driver takes it; nothing new is sent
            ring.use(first.id, 0, second.slots)
        self.end(device, "not-in-flight")

    # Lengths: failures 2, 3 and 10

    def test_longer_than_was_given(self):
        device = self.start()
        for length in (4096, 0x7FFFFFFF, 0xFFFFFFFF):
            self.assertIsNotNone(device.send(FRAME, length=length))
        self.end(device, "too-long")

    def test_shorter_than_the_header(self):
        device = self.start()
        for length in (0, 1, 11):
            self.assertIsNotNone(device.send(FRAME, length=length))
        self.end(device, "truncated")

    def test_no_frame_behind_the_header(self):
        device = self.start()
        for length in (12, 13, 25):
            self.assertIsNotNone(device.send(FRAME, length=length))
        self.end(device)

    def test_buffers_that_never_come(self):
        device = self.start("mergeable: yes", features=PLAIN | MERGEABLE)
        for count in (0, 0xFFFF, 500):
            device.send(FRAME, header=bytes(10) + struct.pack("<H", count))
            self.assertTrue(device.works(b"again"))
        self.end(device, "bad-buffer-count")

    def test_header_split_over_buffers(self):
        device = self.start("mergeable: yes", features=PLAIN | MERGEABLE)
        device.send(FRAME, header=bytes(10) + struct.pack("<H", 3), length=5)
        device.send(FRAME, length=3)
        device.send(FRAME, length=0)
        self.end(device, "truncated")

    def test_checksum_outside_the_frame(self):
        device = self.start()
        for start, offset in ((65535, 65535), (0, 65535), (60, 60), (1000, 6)):
            header = struct.pack("<BBHHHHH", 1, 0, 0, 0, start, offset, 1)
            self.assertIsNotNone(device.send(FRAME, header=header))
        self.end(device, "bad-checksum-place")

    def test_segmentation_that_was_not_agreed_on(self):
        device = self.start()
        for kind in (1, 3, 4, 0x81, 0xFF):
            self.assertIsNotNone(device.send(FRAME, header=struct.pack("<BBHHHHH", 0, kind, 65535, 1, 0, 0, 1)))
        self.end(device)

    # Shared state: failures 1, 5 and 11

    def test_ring_overwritten(self):
        device = self.start()
        random.seed(7)
        with device.lock:
            for ring in device.rings.values():
                if self.packed:
                    device.memory.write(ring.desc, random.randbytes(16 * ring.size))
                else:
                    device.memory.write(ring.desc, random.randbytes(16 * ring.size))
                    device.memory.write(ring.avail, random.randbytes(4 + 2 * ring.size))
                    device.memory.write(ring.used, random.randbytes(4 + 8 * ring.size))
                ring.ring_call()
        time.sleep(0.2)
        # The device knows nothing of its rings now; the next connection starts with new ones.
        device.hang_up()
        self.end(device)

    def test_element_changed_while_it_is_read(self):
        device = self.start()
        deadline = time.monotonic() + 1
        while time.monotonic() < deadline:
            device.send(FRAME, seconds=0.1)
            with device.lock:
                ring = device.rings.get(1)
                chain = ring and ring.take()
                if not chain:
                    continue
                if self.packed:
                    place = ring.desc + 16 * ring.used_place + 12
                    ring.use(chain.id, 0, chain.slots)
                else:
                    place = ring.used + 4 + 8 * (ring.used_index % ring.size)
                    ring.use(chain.id, 0)
                for _ in range(20):
                    device.memory.write(place, b"\xff\xff")
                    device.memory.write(place, struct.pack("<H", chain.id))
        device.hang_up()
        self.end(device)

    def test_packets_overwritten_after_they_were_handed_over(self):
        device = self.start()
        for number in range(50):
            chain = device.send(FRAME)
            self.assertIsNotNone(chain)
            with device.lock:
                for address, length, _ in chain.parts:
                    device.memory.write(address, random.randbytes(min(length, 200)))
            device.receive(0.05)
        self.end(device)

    # Events: failures 7 and 9

    def test_flood_of_notifications(self):
        device = self.start()
        before = os.times()
        with device.lock:
            ring = device.rings[0]
            for _ in range(20_000):
                ring.ring_call()
        self.assertLess(os.times().elapsed - before.elapsed, 10)
        self.end(device)

    def test_silence(self):
        """Nothing is ever used: the driver ends in time all the same, and everything comes home."""
        device = self.start()
        device.send(FRAME)
        time.sleep(0.1)
        summary = self.driver.end(seconds=8)
        self.assertEqual(summary["accounts"]["lostBytes"], 0)

    # Going away

    def test_gone_with_everything_and_back(self):
        device = self.start()
        for _ in range(3):
            device.send(FRAME)
            device.hang_up()
            self.assertTrue(device.works(b"again"))
        counted = self.end(device, "device-losses", "device-returns")
        self.assertEqual((counted["device-losses"], counted["device-returns"]), (3, 3))

    def test_gone_for_good(self):
        device = self.start()
        device.send(FRAME)
        device.ending = True
        device.listener.shutdown(2)
        device.hang_up()
        time.sleep(0.3)
        summary = self.driver.end(seconds=8)
        self.assertEqual(summary["accounts"]["lostBytes"], 0)

    # The protocol

    def test_lies_in_the_protocol(self):
        lies = {
            "another request": lambda request, payload: struct.pack("=IIIQ", 99, 5, 8, 0),
            "no reply bit": lambda request, payload: struct.pack("=IIIQ", request, 1, 8, 0),
            "a short payload": lambda request, payload: struct.pack("=IIII", request, 5, 4, 0),
            "a huge payload": lambda request, payload: struct.pack("=IIIQ", request, 5, 0xFFFFFFFF, 0),
            "half a header": lambda request, payload: b"\1\0\0",
            "a refusal": lambda request, payload: request == 2 and struct.pack("=IIIQ", request, 5, 8, 1),
            "two answers": lambda request, payload: 2 * struct.pack("=IIIQ", request, 5, 8, 0),
            "the end": lambda request, payload: False,
        }
        state = {"lie": None}

        def answer(request, payload, ordinary):
            lie = state["lie"]
            told = lie and lie(request, payload)
            if not told and lie is not lies["the end"]:
                return ordinary
            state["lie"] = None
            return told

        device = self.start(answer=answer)
        for name, lie in lies.items():
            with self.subTest(name):
                state["lie"] = lie
                device.hang_up()
                self.assertTrue(device.works(b"again", seconds=12), f"no traffic after {name}")
        self.end(device, "device-losses")


class HostilePacked(Hostile):
    """Packed rings."""

    packed = True

    def test_turn_bits_of_another_lap(self):
        device = self.start()
        with device.lock:
            ring = device.rings[0]
            for place in range(ring.size):
                device.memory.write(ring.desc + 16 * place + 14, struct.pack("<H", random.randrange(1 << 16)))
            ring.ring_call()
        time.sleep(0.2)
        device.hang_up()
        self.end(device)


class HostileSplitOnly(Hostile):
    """What only split rings have: an index that counts."""

    def test_index_that_jumps(self):
        device = self.start()
        for jump in (300, 1000, 0x8000):
            self.assertTrue(device.ready())
            with device.lock:
                device.rings[1].publish(jump)
            self.assertTrue(device.works(b"again"))
        self.end(device, "index-jump")

    def test_order_that_was_promised(self):
        device = self.start("in-order: yes", features=PLAIN | IN_ORDER)
        with device.lock:
            ring = device.rings[0]
            first, second = ring.take(), ring.take()
            ring.use((second.id + 77) % ring.size + ring.size, 12)
        self.end(device, "bad-id")


# The tests of the base class run once for split rings.
for _name in [name for name in vars(Hostile) if name.startswith("test_")]:
    setattr(HostileSplitOnly, _name, None)


class Strangers(Case):
    """What is at the end of the path is no device that can be driven: one line says so, and the command ends with 1."""

    def diagnostic(self, text):
        child = self.child(CLEANQ, "run", text)
        status = child.process.wait(15)
        lines = [line for line in child.said()[1].splitlines() if line.startswith("error: ")]
        self.assertEqual((status, len(lines)), (1, 1), child.said()[1])
        return lines[0]

    def test_features_that_are_missing(self):
        path = self.path("old")
        with BackEnd(path, features=PROTOCOL_FEATURES):
            self.assertIn("the device does not offer F_VERSION_1", self.diagnostic(f"vhost-user({path}) | loopback"))
        with BackEnd(path, features=PROTOCOL_FEATURES | VERSION_1):
            text = f"vhost-user({path}, packed: yes, in-order: yes, event-index: yes) | loopback"
            self.assertIn("the device does not offer F_EVENT_IDX, F_RING_PACKED, F_IN_ORDER", self.diagnostic(text))

    def test_no_permission(self):
        if os.geteuid() == 0:
            self.skipTest("root may connect to any socket")
        path = self.path("closed")
        with BackEnd(path):
            os.chmod(path, 0)
            self.assertIn("no permission to connect", self.diagnostic(f"vhost-user({path}) | loopback"))

    def test_no_socket(self):
        self.assertIn("there is no socket at this path", self.diagnostic("vhost-user(/nowhere/x.sock) | loopback"))

    def test_too_few_queues(self):
        path = self.path("one")
        with BackEnd(path):
            self.assertIn("NET_F_MQ", self.diagnostic(f"vhost-user({path}, queues: 2)@0,1 | loopback"))


