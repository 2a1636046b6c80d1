"""The guest's own QEMU, asked over the second serial line. Source: QEMU docs/interop/qmp-spec.txt."""

import itertools
import json
import os
import select
import time
import tty


class Monitor:
    def __init__(self):
        self.line = os.open("/dev/ttyS1", os.O_RDWR | os.O_NOCTTY)
        tty.setraw(self.line)
        # Numbers that no test before has used: its last answers may still come.
        self.text, self.events, self.numbers = b"", [], itertools.count(time.monotonic_ns())
        # The greeting came when nobody listened, and part of it may have gone back to QEMU: a byte that is no JSON ends that.
        os.write(self.line, b"\xff\n")
        try:
            self("qmp_capabilities")
        except AssertionError as error:
            # The line is one session for all tests on this machine.
            if "already complete" not in str(error):
                raise

    def close(self):
        os.close(self.line)

    def __call__(self, command, **arguments):
        number = next(self.numbers)
        os.write(self.line, json.dumps({"execute": command, "arguments": arguments, "id": number}).encode() + b"\n")
        while (answer := self.next()).get("id") != number:
            self.events.append(answer)
        if "error" in answer:
            raise AssertionError(f"{command}: {answer['error']['desc']}")

    def wait(self, event, seconds):
        """Until QEMU tells of an event."""
        while not any(e.get("event") == event for e in self.events):
            self.events.append(self.next(seconds))
        self.events.clear()

    def next(self, seconds=10):
        """The next line that is an object."""
        deadline = time.monotonic() + seconds
        while True:
            while b"\n" not in self.text:
                if not select.select([self.line], [], [], max(0, deadline - time.monotonic()))[0]:
                    raise AssertionError(f"QEMU did not answer within {seconds} s; it said {self.text!r}")
                self.text += os.read(self.line, 4096)
            line, self.text = self.text.split(b"\n", 1)
            try:
                return dict(json.loads(line))
            except ValueError:
                continue
