"""Datagrams of a flow that go to the kernel as one frame: what it takes apart again is what was sent."""

import os
import signal
import socket
import struct
import unittest
from pathlib import Path

from frames import Ether, IP, Raw, UDP
from harness import Sniffer, wait_until
from wire import A, B, MACS, Wire

COUNT = 100
# How the datagrams of a flow are identified.
FLOWS = {"counted": lambda n: 500 + n, "wrapped": lambda n: (65500 + n) % 65536, "zero": lambda n: 0,
         "mixed": lambda n: n * 7919 % 65536}
JOINED = {"counted", "wrapped", "zero"}


class Joined(Wire):
    """Behind the second TAP the kernel passes frames on to an interface that takes no joined ones, and is listened to there."""

    def behind(self):
        """A bridge of the second TAP with an interlink; the listener at its far end."""
        for words in ("add bridge0 type bridge", "add v0 type veth peer name v1", "set tap1 master bridge0",
                      "set v0 master bridge0", "set bridge0 up", "set v0 up", "set v1 up"):
            self.b.ip("link", *words.split())
        self.b.run("ethtool", "-K", "v0", "tx", "off")  # what computes no checksums gets whole packets
        self.b.keeps |= {"bridge0", "v0", "v1"}
        listener = Sniffer(self.b, "v1")
        self.closing(listener.socket)
        return listener

    def frames(self, identify):
        """The datagrams of one flow; the last is shorter."""
        head = Ether(dst="02:00:00:00:00:98", src=MACS["a"])
        return [bytes(head / IP(src=A, dst=B, flags="DF", id=identify(n)) / UDP(sport=4000, dport=4001) /
                      Raw(struct.pack("!I", n) + self.random.randbytes(60 if n < COUNT - 1 else 20))) for n in range(COUNT)]

    def send(self, daemon, frames):
        """All at one go: the daemon is held meanwhile, so that it finds them together."""
        raw = self.closing(self.a.socket(socket.AF_PACKET, socket.SOCK_RAW, 0))
        with self.a.entered():
            raw.bind(("tap0", 0))
        os.kill(daemon.pid, signal.SIGSTOP)
        try:
            wait_until(lambda: Path(f"/proc/{daemon.pid}/stat").read_text().rsplit(")", 1)[1].split()[0] == "T")
            for frame in frames:
                raw.send(frame)
        finally:
            os.kill(daemon.pid, signal.SIGCONT)

    def carried(self, flow, options=""):
        """Sends a flow through the forwarder; what was sent, what arrived, and how many went joined."""
        daemon = self.join("run", f"tap(tap0{options}) | tap(tap1{options})")
        listener, sent, arrived = self.behind(), self.frames(FLOWS[flow]), []
        self.send(daemon, sent)
        wait_until(lambda: arrived.extend(f for f in listener.frames()[1] if f[:6] == sent[0][:6]) or len(arrived) >= COUNT)
        summary = daemon.stop().check(self)
        self.assertEqual(summary.drops, {})
        return sent, arrived, summary.stages[-1]["counters"].get("joined", 0)

    def test_flows_arrive_as_they_were(self):
        for flow in FLOWS:
            with self.subTest(flow=flow):
                sent, arrived, joined = self.carried(flow)
                if flow == "zero":  # identifications that mean nothing are counted by the kernel
                    arrived = [f[:18] + bytes(2) + f[20:24] + s[24:26] + f[26:] for f, s in zip(arrived, sent)]
                self.assert_frames(arrived, sent, flow)
                self.note(f"{flow}: {joined} of {COUNT} joined")
                self.assertEqual(joined > COUNT / 2, flow in JOINED, f"{joined} of {COUNT} joined")
            self.again()

    def test_not_joined_when_told(self):
        sent, arrived, joined = self.carried("counted", ", offload: no")
        self.assert_frames(arrived, sent)
        self.assertEqual(joined, 0)


if __name__ == "__main__":
    unittest.main()
