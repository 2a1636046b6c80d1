"""A back end that rewrites packets while the driver looks at them: nothing is asked for and nothing answered but what one of
its packets said.
"""

import ctypes
import struct
import threading
import time

from backend import HEADER, BackEnd
from driven import PLAIN, Driven

OURS, OUR_MAC, THEIR_MAC = bytes((10, 0, 0, 2)), bytes((2, 0, 10, 0, 0, 2)), bytes((2, 0, 0, 0, 0, 9))
SENDERS = [(bytes((10, 0, 0, 1)), 4000, 5), (bytes((10, 0, 0, 9)), 4321, 9)]
FORGED = (bytes((10, 0, 0, 255)), 4111, 7)


def checksum(data):
    total = sum(struct.unpack(f">{len(data) // 2}H", data[:len(data) // 2 * 2])) + (data[-1] << 8 if len(data) % 2 else 0)
    while total > 0xFFFF:
        total = (total >> 16) + (total & 0xFFFF)
    return ~total & 0xFFFF


def datagram(source, port, count):
    """A frame to port 7, of the same length for all."""
    udp = struct.pack(">HHHH", port, 7, 8 + count, 0) + bytes(count)
    udp = udp[:6] + struct.pack(">H", checksum(source + OURS + struct.pack(">HH", 17, len(udp)) + udp)) + udp[8:]
    ip = struct.pack(">BBHHHBBH", 0x45, 0, 20 + len(udp), 0, 0x4000, 64, 17, 0) + source + OURS
    ip = ip[:10] + struct.pack(">H", checksum(ip)) + ip[12:]
    return (OUR_MAC + THEIR_MAC + b"\x08\x00" + ip + udp).ljust(64, b"\0")


class Racer(BackEnd):
    """Goes on writing the frame that it has given, for as long as `racing`."""

    def rewrite(self, chain, frames, seconds):
        address, length, _ = chain.parts[0]
        with self.lock:
            mapping, offset = self.memory._place(address + HEADER, len(frames[0]))
            place = (ctypes.c_char * len(frames[0])).from_buffer(mapping, offset)
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            for frame in frames:
                ctypes.memmove(place, frame, len(frame))
        del place


class Racing(Driven):
    """Split rings."""

    def test_rewritten(self):
        device = self.enterContext(Racer(self.path("racing"), PLAIN))
        self.drive([device], f"{self.stage(device)} | ip(10.0.0.2/24, mac: 02:00:0a:00:00:02) | udp(7) | echo")
        frames = [datagram(*sender) for sender in [*SENDERS, FORGED]]
        asked, answered = set(), set()
        end = time.monotonic() + 6
        number = 0
        while time.monotonic() < end:
            chain = device.send(frames[number % 2])
            number += 1
            self.assertIsNotNone(chain)
            racer = threading.Thread(target=device.rewrite, args=(chain, frames, 0.002))
            racer.start()
            racer.join()
            while (frame := device.receive(0.002)) is not None:
                if frame[12:14] == b"\x08\x06":
                    asked.add(frame[38:42])
                    reply = (frame[6:12] + THEIR_MAC + frame[12:20] + b"\0\2" + THEIR_MAC + frame[38:42] + frame[22:32])
                    device.send(reply.ljust(60, b"\0"))
                elif frame[26:30] == OURS and checksum(frame[14:34]) == 0:
                    # An answer whose IP header was not written over since.
                    port, = struct.unpack(">H", frame[36:38])
                    answered.add((frame[30:34], port, len(frame) - 42))
        self.assertLessEqual(asked, {source for source, _, _ in SENDERS})
        # Its ports may have been: then they are those of the question.
        self.assertLessEqual(answered, {(source, to, count) for source, port, count in SENDERS for to in (port, 7)})
        self.assertTrue(answered, "no datagram was answered")
        self.notes = [f"{number} packets, {len({source for source, _, _ in answered})} of 2 senders answered"]
        self.settle()


class PackedRacing(Racing):
    packed = True
