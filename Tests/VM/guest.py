"""In the guest, on the host's root: runs the tests of one machine, says how they went, and ends the machine with that verdict."""

import argparse
import os
import signal
import sys
import traceback
import unittest
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent / "Kernel")]

import machine
from results import TEST_SECONDS, Result, each

MODULES = {"traffic": ["test_traffic"], "control": ["test_life", "test_link", "test_removal", "test_faults", "test_refusals"],
           "queues": ["test_queues"], "no-iommu": ["test_no_iommu", "test_older_kernel"]}


class GuestResult(Result):
    """Also counts what goes wrong before the first and after the last test of a class."""

    def tell(self, test, error):
        if isinstance(test, unittest.TestCase):
            return super().tell(test, error)
        self.failed += 1
        story = "".join(traceback.format_exception(*error, limit=-4))[-4000:]
        print(f"FAIL {test.id()}\n     " + story.rstrip().replace("\n", "\n     "), flush=True)


def tests(options):
    found = each(unittest.defaultTestLoader.loadTestsFromNames(MODULES[options.machine]))
    return [t for t in found if not options.k or options.k in t.id()]


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("machine")
    parser.add_argument("-k")
    options = parser.parse_args()

    def late(*_):
        raise TimeoutError(f"not done after {TEST_SECONDS} s")

    signal.signal(signal.SIGALRM, late)
    result = GuestResult()
    unittest.TestSuite(tests(options)).run(result)
    skipped = len(result.skipped)
    print(f"verdict: {result.passed} passed, {result.failed} failed, {skipped} skipped", flush=True)
    return result.failed


try:
    failures = main()
except BaseException:
    traceback.print_exc()
    failures = 99
sys.stdout.flush()
os.system("sync; sleep 0.2")  # the console is slow
machine.leave(failures)
