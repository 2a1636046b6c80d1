"""How a test is reported: one line each, its story where it failed."""

import os
import signal
import sys
import time
import traceback
import unittest

TEST_SECONDS = 120


class Result(unittest.TestResult):
    """One line per test; a failure's story follows its line."""

    passed = failed = 0

    def startTest(self, test):
        super().startTest(test)
        self.begun, self.verdict, self.stories = time.monotonic(), None, []
        signal.alarm(TEST_SECONDS)

    def stopTest(self, test):
        signal.alarm(0)
        super().stopTest(test)
        verdict = "FAIL" if self.stories else self.verdict or "ok"
        self.passed += verdict == "ok"
        self.failed += verdict == "FAIL"
        notes = "; ".join(getattr(test, "notes", []))
        line = f"{verdict.split(':')[0]:4} {test.id():70} {time.monotonic() - self.begun:7.2f} s"
        print(line + (f"  {verdict[5:].strip()}" if verdict.startswith("skip") else "") + (f"  [{notes}]" if notes else ""))
        for story in self.stories:
            print("     " + story.rstrip().replace("\n", "\n     "))
        if self.stories:
            print(f"     seed: CLEANQ_SEED={os.environ['CLEANQ_SEED']}")
        sys.stdout.flush()

    def tell(self, test, error):
        own = getattr(test, "params", None)  # of a sub-test
        story = "".join(traceback.format_exception(*error, limit=-4))[-4000:]
        self.stories.append((f"{dict(own)}\n" if own else "") + story)

    def addError(self, test, error):
        self.tell(test, error)

    def addFailure(self, test, error):
        self.tell(test, error)

    def addSubTest(self, test, subtest, error):
        if error is not None:
            self.tell(subtest, error)

    def addSkip(self, test, reason):
        self.skipped.append((test, reason))
        self.verdict = f"skip: {reason}"


def each(suite):
    for item in suite:
        yield from each(item) if isinstance(item, unittest.TestSuite) else [item]
