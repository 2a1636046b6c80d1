"""Virtqueues as a device sees them, in memory that the driver shares; honest by default, and open to lies.

Source: [virtio 1.2 § 2.7 Split Virtqueues, § 2.8 Packed Virtqueues]. A test writes wherever it likes through `memory`.
"""

import os
import struct
import time

NEXT, WRITE = 1, 2
AVAIL, USED = 1 << 7, 1 << 15


class Memory:
    """What the front end has shared, by its own addresses."""

    def __init__(self):
        self.regions = []  # (address, byte count, mmap)

    def _place(self, address, count):
        for start, length, mapping in self.regions:
            if start <= address and address + count <= start + length:
                return mapping, address - start
        raise LookupError(f"the driver names {count} bytes at {address:#x}, which it has not shared")

    def read(self, address, count):
        mapping, offset = self._place(address, count)
        return mapping[offset:offset + count]

    def write(self, address, data):
        mapping, offset = self._place(address, len(data))
        mapping[offset:offset + len(data)] = data

    def number(self, address, form):
        return struct.unpack(form, self.read(address, struct.calcsize(form)))[0]

    def close(self):
        for _, _, mapping in self.regions:
            mapping.close()
        self.regions = []


class Chain:
    """What the driver has made available: an id, and the parts as (address, length, writable)."""

    def __init__(self, id, parts, slots=1):
        self.id, self.parts, self.slots = id, parts, slots

    @property
    def room(self):
        return sum(length for _, length, _ in self.parts)


class Vring:
    """One virtqueue: `take` gives chains that the driver has made available, `use` gives them back."""

    def __init__(self, memory, size, desc, used, avail):
        self.memory, self.size, self.desc, self.used, self.avail = memory, size, desc, used, avail
        self.kick = self.call = None
        self.held = []  # taken and not used yet

    def ring_call(self):
        if self.call is not None:
            os.write(self.call, struct.pack("Q", 1))

    def wait(self, seconds=3):
        """A chain that is available, taken; None when none comes."""
        deadline = time.monotonic() + seconds
        while True:
            chain = self.take()
            if chain or time.monotonic() > deadline:
                return chain
            time.sleep(0.001)

    def gather(self, chain):
        return b"".join(self.memory.read(address, length) for address, length, _ in chain.parts)

    def scatter(self, chain, data):
        for address, length, _ in chain.parts:
            part, data = data[:length], data[length:]
            self.memory.write(address, part)

    def close(self):
        for file in (self.kick, self.call):
            if file is not None:
                os.close(file)
        self.kick = self.call = None


class Split(Vring):
    def __init__(self, *arguments):
        super().__init__(*arguments)
        self.last_avail = 0
        self.used_index = 0

    def take(self):
        if self.memory.number(self.avail + 2, "<H") == self.last_avail:
            return None
        head = index = self.memory.number(self.avail + 4 + 2 * (self.last_avail % self.size), "<H")
        self.last_avail = (self.last_avail + 1) & 0xFFFF
        parts = []
        while True:
            address, length, flags, following = struct.unpack("<QIHH", self.memory.read(self.desc + 16 * index, 16))
            parts.append((address, length, bool(flags & WRITE)))
            if not flags & NEXT:
                return Chain(head, parts)
            index = following

    def put_element(self, id, length):
        """Writes a used element without publishing it."""
        self.memory.write(self.used + 4 + 8 * (self.used_index % self.size), struct.pack("<II", id & 0xFFFFFFFF, length))

    def publish(self, count=1):
        self.used_index = (self.used_index + count) & 0xFFFF
        self.memory.write(self.used + 2, struct.pack("<H", self.used_index))
        self.ring_call()

    def use(self, id, length, slots=1):
        self.put_element(id, length)
        self.publish()


class Packed(Vring):
    def __init__(self, *arguments):
        super().__init__(*arguments)
        self.place, self.wrap = 0, True
        self.used_place, self.used_wrap = 0, True

    def take(self):
        _, _, _, flags = struct.unpack("<QIHH", self.memory.read(self.desc + 16 * self.place, 16))
        if bool(flags & AVAIL) != self.wrap or bool(flags & USED) == self.wrap:
            return None
        parts = []
        while True:
            address, length, id, flags = struct.unpack("<QIHH", self.memory.read(self.desc + 16 * self.place, 16))
            parts.append((address, length, bool(flags & WRITE)))
            self.place += 1
            if self.place == self.size:
                self.place, self.wrap = 0, not self.wrap
            if not flags & NEXT:
                return Chain(id, parts, len(parts))

    def use(self, id, length, slots=1):
        place = self.desc + 16 * self.used_place
        flags = (AVAIL | USED) if self.used_wrap else 0
        self.memory.write(place + 8, struct.pack("<IH", length, id & 0xFFFF))
        self.memory.write(place + 14, struct.pack("<H", flags | WRITE))
        self.used_place += slots
        if self.used_place >= self.size:
            self.used_place, self.used_wrap = self.used_place - self.size, not self.used_wrap
        self.ring_call()
