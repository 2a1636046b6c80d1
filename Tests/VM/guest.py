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

MODULES = {"split": ["test_traffic", "test_life", "test_faults"], "packed": ["test_traffic"], "refusals": ["test_refusals"],
           "no-iommu": ["test_no_iommu"]}


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
    os.environ["VM_MACHINE"] = options.machine
    result, all_tests = Result(), tests(options)
    for test in all_tests:
        test.run(result)
    skipped = len(all_tests) - result.passed - result.failed
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
