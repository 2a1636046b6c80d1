"""A back end that tries to hold a thread up: by the flags and counts of eventfds that it shares, by slow answers, by files whose
closing takes long. A TAP device in the same pipeline goes on, and the pipeline stops within a second.
"""

import fcntl
import json
import os
import signal
import socket
import struct
import subprocess
import sys
import threading
import time

from backend import GUEST_CHECKSUM, PROTOCOL_FEATURES, VERSION_1, BackEnd
from driven import Driven
from rig import CLEANQ, HERE
from namespace import Namespace  # found through the rig
from process import Failure

GET_FEATURES, SET_FEATURES, GET_VRING_BASE, SET_VRING_KICK = 1, 2, 11, 12
FULL = struct.pack("=Q", 2**64 - 2)
STANDSTILL = 1.5  # seconds for which the TAP may stand still; the machine may be loaded
STOP = 2.0  # a second, and another for a loaded machine
LINGER = 20  # seconds that the kernel waits when it closes a file of the back end's
SLOW = 1.8  # seconds for an answer; a whole handshake has two


def lingering():
    """A file whose closing takes the kernel LINGER seconds; and what keeps it so."""
    listener = socket.create_server(("127.0.0.1", 0))
    client = socket.create_connection(listener.getsockname())
    server, _ = listener.accept()
    client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, LINGER))
    client.setblocking(False)
    try:
        while True:
            client.send(bytes(65536))
    except BlockingIOError:
        pass
    return client, (listener, server)


class Blocking(Driven):
    def setUp(self):
        try:
            self.namespace = self.enterContext(Namespace())
        except Failure as failure:
            self.skipTest(str(failure))

    def start(self, answer=None):
        """`vhost-user(…) | tap(…)`, and datagrams into the TAP."""
        path = self.path("blocking")
        features = VERSION_1 | GUEST_CHECKSUM | PROTOCOL_FEATURES
        device = self.enterContext(BackEnd(path, features, answer))
        self.drive([device], f"vhost-user({path}) | tap(t0, address: 10.9.0.1/24)", self.namespace.command())
        self.namespace.run("ip", "neigh", "replace", "10.9.0.2", "lladdr", "02:00:00:00:00:09", "dev", "t0")
        self.flow = subprocess.Popen(
            self.namespace.command(sys.executable, os.path.join(HERE, "flow.py"), "t0", "10.9.0.2"),
            stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        self.addCleanup(self.flow.stdout.close)
        self.addCleanup(self.flow.wait)
        self.addCleanup(self.flow.kill)
        self.isTaking = True
        taker = threading.Thread(target=self.take, args=(device,), daemon=True)
        taker.start()
        self.addCleanup(taker.join)
        self.addCleanup(setattr, self, "isTaking", False)
        return device

    def take(self, device):
        """Takes what the driver sends, as long as the test runs."""
        while self.isTaking:
            try:
                device.receive(0.1)
            except (LookupError, ValueError, OSError):
                time.sleep(0.01)

    def end(self, seconds=1.5):
        """The TAP has not stood still, the driver ends in time, and no byte is missing."""
        time.sleep(seconds)
        found = json.loads(self.flow.communicate(timeout=20)[0])
        self.assertLess(found["longest"], STANDSTILL, f"the TAP stood still; the driver said {self.driver.said()[1]}")
        before = time.monotonic()
        summary, _ = self.settle(seconds=60)
        self.assertLess(time.monotonic() - before, STOP, "the stop took too long")
        return summary

    def spoil(self, device, files, change):
        """Makes eventfds that the driver shares blocking, and changes their counts."""
        with device.lock:
            for ring in device.rings.values():
                for name in files:
                    file = getattr(ring, name)
                    fcntl.fcntl(file, fcntl.F_SETFL, os.O_NONBLOCK)
                    change(file)
                    fcntl.fcntl(file, fcntl.F_SETFL, 0)

    @staticmethod
    def fill(file):
        try:
            os.read(file, 8)
        except BlockingIOError:
            pass
        os.write(file, FULL)

    @staticmethod
    def drain(file):
        try:
            os.read(file, 8)
        except BlockingIOError:
            pass

    # Eventfds

    def test_kicks_that_are_full(self):
        device = self.start()
        self.spoil(device, ["kick"], self.fill)
        self.end()

    def test_calls_that_are_empty(self):
        device = self.start()
        self.spoil(device, ["call"], self.drain)
        self.end()

    def test_calls_that_are_full_as_the_back_end_goes(self):
        device = self.start()
        self.spoil(device, ["call", "kick"], self.fill)
        device.ending = True
        device.hang_up()
        self.end()

    # Time

    def slow_from(self, state, request, payload, ordinary):
        if state["slow"] and ordinary is not None:
            state["ended"].wait(SLOW)
        return ordinary

    def slow(self, isSlow):
        state = {"slow": isSlow, "ended": threading.Event()}
        self.addCleanup(state["ended"].set)
        return state, lambda *arguments: self.slow_from(state, *arguments)

    def test_answers_just_below_the_limit(self):
        state, answer = self.slow(False)
        device = self.start(answer)
        state["slow"] = True
        device.hang_up()
        self.end(5)

    def test_answers_just_below_the_limit_at_the_stop(self):
        state, answer = self.slow(False)
        self.start(answer)
        time.sleep(0.3)
        state["slow"] = True
        self.end(0.2)

    def refused(self, answer, seconds):
        """The driver does not start, and says so in time."""
        path = self.path("refused")
        self.enterContext(BackEnd(path, answer=answer))
        child = self.child(CLEANQ, "run", f"vhost-user({path}) | loopback")
        self.assertEqual(child.process.wait(seconds), 1, child.said()[1])
        self.assertIn("did not answer within 2000 ms", child.said()[1])

    def test_answers_just_below_the_limit_at_the_start(self):
        _, answer = self.slow(True)
        self.refused(answer, 6)

    def test_signal_during_the_handshake(self):
        """A back end that never answers a request of the start: the signal ends the command, and not the time for the handshake."""
        for silent in (GET_FEATURES, SET_FEATURES, SET_VRING_KICK):
            with self.subTest(request=silent):
                asked = threading.Event()

                def answer(request, payload, ordinary):
                    if request == silent:
                        asked.set()
                        return None
                    return ordinary

                path = self.path("silent")
                with BackEnd(path, answer=answer):
                    child = self.child(CLEANQ, "run", "--json", f"vhost-user({path}) | loopback")
                    self.assertTrue(asked.wait(15), child.said()[1])
                    summary = child.end()
                self.assertEqual(summary["end"], {"reason": "signal", "text": "ended by SIGTERM"})

    # Connections

    def test_agrees_and_hangs_up(self):
        count = {"connections": 0, "agreed": True}

        def answer(request, payload, ordinary):
            if request == GET_FEATURES and not count["agreed"]:
                count["connections"] += 1
            return False if request == SET_FEATURES and not count["agreed"] else ordinary

        device = self.start(answer)
        count["agreed"] = False
        device.hang_up()
        self.end(4)
        # 5, 10, 20 ms and so on: ten in five seconds.
        self.assertLess(count["connections"], 15)
        lines = [line for line in self.driver.said()[1].splitlines() if "the back end is" in line]
        self.assertLess(len(lines), 10, lines)

    # Files

    def send_file(self, device, answer):
        """Sends a file that takes long to close with an answer. The driver stands still until nobody else has the file."""
        file, self.kept = lingering()
        self.driver.process.send_signal(signal.SIGSTOP)
        socket.send_fds(device.connection, [answer], [file.fileno()])
        file.close()
        self.driver.process.send_signal(signal.SIGCONT)

    def test_files_that_nobody_asked_for(self):
        state = {"device": None}

        def answer(request, payload, ordinary):
            if request != GET_FEATURES or not state["device"]:
                return ordinary
            device, state["device"] = state["device"], None
            self.send_file(device, ordinary)
            return None

        device = self.start(answer)
        state["device"] = device
        device.hang_up()
        self.end(2)

    def test_files_that_nobody_receives(self):
        device = self.start()
        self.send_file(device, b"x")
        self.end(0.5)
