"""A vhost-user back end in Python, slow and obedient, from which the hostile tests depart.

Source: [vhost-user], QEMU's docs/interop/vhost-user.rst. It serves one front end at a time on a thread of its own, and any
number of them one after another.
"""

import mmap
import os
import socket
import struct
import threading
import time

from vring import Memory, Packed, Split

VERSION_1, RING_PACKED, IN_ORDER, EVENT_INDEX = 1 << 32, 1 << 34, 1 << 35, 1 << 29
MERGEABLE, GUEST_CHECKSUM, PROTOCOL_FEATURES = 1 << 15, 1 << 1, 1 << 30
REPLY_ACK, STATUS = 1 << 3, 1 << 16
HEADER = 12  # of a virtio network packet
GET_FEATURES, SET_FEATURES, SET_MEM_TABLE, SET_VRING_NUM, SET_VRING_ADDR = 1, 2, 5, 8, 9
SET_VRING_BASE, GET_VRING_BASE, SET_VRING_KICK, SET_VRING_CALL = 10, 11, 12, 13
GET_PROTOCOL_FEATURES, GET_QUEUE_NUM, SET_VRING_ENABLE, GET_STATUS = 15, 17, 18, 40


class BackEnd:
    """`with BackEnd(path) as device:` listens; `device.send` and `device.receive` move frames once a driver is there."""

    def __init__(self, path, features=VERSION_1 | RING_PACKED | MERGEABLE | GUEST_CHECKSUM | PROTOCOL_FEATURES,
                 answer=None):
        self.path, self.features = path, features
        self.answer = answer or (lambda request, payload, ordinary: ordinary)  # a lie in place of an ordinary answer
        self.memory, self.rings, self.sizes, self.calls, self.kicks = Memory(), {}, {}, {}, {}
        self.accepted = 0
        self.connection = None
        self.served = 0  # connections that have ended
        self.lock = threading.RLock()
        self.ending = False

    def __enter__(self):
        self.listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.listener.bind(self.path)
        self.listener.listen(1)
        self.thread = threading.Thread(target=self._serve, daemon=True)
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.ending = True
        self.listener.shutdown(socket.SHUT_RDWR)
        self.hang_up()
        self.thread.join(5)
        self.listener.close()
        os.unlink(self.path)

    def hang_up(self):
        """Ends the connection, and forgets the driver's memory and rings before this returns."""
        connection, before = self.connection, self.served
        if connection:
            try:
                connection.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass
            while self.served == before:
                time.sleep(0.001)

    # Messages

    def _serve(self):
        while not self.ending:
            try:
                connection, _ = self.listener.accept()
            except OSError:
                return
            with connection:
                self.connection = connection
                try:
                    while self._serve_one(connection):
                        pass
                except OSError:
                    pass
                with self.lock:
                    self._forget()
                self.connection = None
                self.served += 1

    def _forget(self):
        for ring in self.rings.values():
            ring.close()
        for file in [*self.calls.values(), *self.kicks.values()]:
            os.close(file)
        self.rings, self.sizes, self.calls, self.kicks = {}, {}, {}, {}
        self.memory.close()

    def _read(self, connection, count):
        data, files = b"", []
        while len(data) < count:
            more, new, _, _ = socket.recv_fds(connection, count - len(data), 16)
            files += new
            if not more:
                raise OSError("closed")
            data += more
        return data, files

    def _serve_one(self, connection):
        header, files = self._read(connection, 12)
        request, flags, size = struct.unpack("=III", header)
        payload, more = self._read(connection, size) if size else (b"", [])
        with self.lock:
            answer = self._handle(request, payload, files + more)
        if answer is None and flags & 8:
            answer = struct.pack("=Q", 0)
        ordinary = struct.pack("=III", request, 5, len(answer)) + answer if answer is not None else None
        reply = self.answer(request, payload, ordinary)
        if reply is False:
            return False
        if reply:
            connection.sendall(reply)
        return True

    def _handle(self, request, payload, files):
        if request == GET_FEATURES:
            return struct.pack("=Q", self.features)
        if request == GET_PROTOCOL_FEATURES:
            return struct.pack("=Q", REPLY_ACK)
        if request == SET_FEATURES:
            self.accepted = struct.unpack("=Q", payload)[0]
        elif request == SET_MEM_TABLE:
            self._map(payload, files)
        elif request == SET_VRING_NUM:
            index, size = struct.unpack("=II", payload)
            self.sizes[index] = size
        elif request == SET_VRING_ADDR:
            index, _, desc, used, avail, _ = struct.unpack("=IIQQQQ", payload)
            kind = Packed if self.accepted & RING_PACKED else Split
            self.rings[index] = kind(self.memory, self.sizes[index], desc, used, avail)
        elif request in (SET_VRING_KICK, SET_VRING_CALL):
            index = payload[0]
            setattr(self.rings[index], "kick" if request == SET_VRING_KICK else "call", files[0])
        elif request == GET_VRING_BASE:
            index, _ = struct.unpack("=II", payload)
            ring = self.rings.pop(index, None)
            if ring:
                ring.close()
            return struct.pack("=II", index, 0)
        return None

    def _map(self, payload, files):
        self.memory.close()
        count, _ = struct.unpack_from("=II", payload)
        for index, file in zip(range(count), files):
            _, size, address, offset = struct.unpack_from("=QQQQ", payload, 8 + 32 * index)
            self.memory.regions.append((address, size, mmap.mmap(file, size, offset=offset)))
            os.close(file)

    # Traffic. Queue 0 is the driver's receive queue, queue 1 its transmit queue.

    def ready(self, seconds=10):
        """Waits for a driver that has started both queues and filled the receive queue."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            with self.lock:
                if 0 in self.rings and 1 in self.rings and self.rings[1].call is not None:
                    return True
            time.sleep(0.005)
        return False

    def send(self, frame, header=bytes(10) + b"\1\0", length=None, seconds=3):
        """One frame to the driver; `header` and `length` may be lies. Returns the chain, or None without room."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            with self.lock:
                ring = self.rings.get(0)
                chain = ring and ring.take()
                if chain:
                    data = header + frame
                    ring.scatter(chain, data)
                    ring.use(chain.id, len(data) if length is None else length, chain.slots)
                    return chain
            time.sleep(0.001)
        return None

    def receive(self, seconds=3):
        """One frame from the driver, or None when none comes."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            with self.lock:
                ring = self.rings.get(1)
                chain = ring and ring.take()
                if chain:
                    data = ring.gather(chain)
                    ring.use(chain.id, 0, chain.slots)
                    return data[HEADER:]
            time.sleep(0.001)
        return None

    def works(self, mark, seconds=8):
        """Whether a frame comes back from a driver that echoes: also after it has begun anew."""
        deadline = time.monotonic() + seconds
        number = 0
        while time.monotonic() < deadline:
            number += 1
            frame = bytes(12) + b"\x88\xb5" + mark + number.to_bytes(4, "big") + bytes(40)
            try:
                if not self.send(frame, seconds=0.3):
                    continue
                while (got := self.receive(0.3)) is not None:
                    if got == frame:
                        return True
            except (LookupError, ValueError, OSError):  # the driver has just taken its memory back
                time.sleep(0.01)
        return False
