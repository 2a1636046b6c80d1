"""A back end that comes back and cannot be used: a line says why and what to do, it is counted, and traffic goes on once it can."""

import struct

from backend import GET_FEATURES, SET_FEATURES, SET_MEM_TABLE, VERSION_1, BackEnd
from driven import PLAIN, Driven


class Joins(Driven):
    def start(self, answer=None):
        device = self.enterContext(BackEnd(self.path("joins"), PLAIN, answer))
        self.drive([device], f"{self.stage(device)} | loopback")
        self.assertTrue(device.works(b"before"), "an honest device is not served")
        return device

    def check(self, device, mend, counter, *words):
        """A line with these words; then, mended, traffic, and a number in the summary."""
        self.wait_until(lambda: any(all(word in line for word in words) for line in self.driver.said()[1].splitlines()), words)
        mend()
        self.assertTrue(device.works(b"after", seconds=15), f"no traffic afterwards; it said {self.driver.said()[1]}")
        lines = [line for line in self.driver.said()[1].splitlines() if words[0] in line]
        self.assertLessEqual(len(lines), 4, "the log is limited")
        self.settle(counter)

    def test_other_features(self):
        device = self.start()
        before = device.features
        device.features = before & ~VERSION_1
        device.hang_up()

        def mend():  # what a back end offers is asked once a connection
            device.features = before
            device.hang_up()

        self.check(device, mend, "failed-joins",
                   "the device does not offer F_VERSION_1", "start it again as it was", "trying again")

    def refusing(self, refused):
        """A back end that answers this request with an error once it is told to."""
        state = {"refuses": False}

        def answer(request, payload, ordinary):
            if request == refused and state["refuses"]:
                return struct.pack("=IIIQ", request, 5, 8, 1)
            return ordinary

        device = self.start(answer)
        state["refuses"] = True
        device.hang_up()
        return device, lambda: state.update(refuses=False)

    def test_features_refused(self):
        device, mend = self.refusing(SET_FEATURES)
        self.check(device, mend, "failed-joins", "the device did not agree to", "trying again")

    def test_memory_refused(self):
        device, mend = self.refusing(SET_MEM_TABLE)
        self.check(device, mend, "failed-joins", "it refused, with code 1", "its own log says why", "trying again")

    def test_no_handshake(self):
        state = {"silent": False}
        device = self.start(lambda request, payload, ordinary: None if state["silent"] and request == GET_FEATURES else ordinary)
        state["silent"] = True
        device.hang_up()
        self.check(device, lambda: state.update(silent=False), "broken-connections",
                   "does not speak vhost-user: it did not answer within 2000 ms", "start the back end there", "trying again")
