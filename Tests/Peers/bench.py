#!/usr/bin/python3
"""Runs benchmarks: ours and, with --peers, others' programs in turn. Called by scripts/bench, which builds both."""

import argparse
import os
import signal
import sys

import host
import report
from benchmark import measure, select
from process import Failure
from registry import BENCHMARKS

ROOT = os.path.realpath(os.path.join(os.path.dirname(__file__), "..", ".."))


class Bench:
    """What a measurement may ask for: programs, CPUs, the load; and where it leaves remarks."""

    def __init__(self, arguments):
        self.cleanq = os.path.abspath(arguments.cleanq)
        self.cleanq_bench = os.path.abspath(arguments.cleanq_bench)
        self.peers = os.path.abspath(arguments.peers_folder)
        self.cpus = sorted(os.sched_getaffinity(0))[:2]
        self.size, self.window, self.seconds = arguments.size, arguments.window, arguments.seconds
        self.warnings, self.details = [], {}

    def peer(self, name):
        return os.path.join(self.peers, name)

    def has_peer(self, name):
        return os.access(self.peer(name), os.X_OK)

    def warn(self, text):
        if text not in self.warnings:
            self.warnings.append(text)

    def detail(self, key, value):
        """A fact about the program that is being run, for its JSON entry."""
        self.details[key] = value


def parse_arguments():
    parser = argparse.ArgumentParser(
        prog="scripts/bench", description="Benchmarks of CleanQ, as a table and as JSON.",
        epilog="examples: scripts/bench · scripts/bench ring --runs 9 · scripts/bench tap-echo --peers --json bench.json")
    parser.add_argument("names", nargs="*", metavar="NAME", help="benchmarks, or the first part of their names (ring)")
    parser.add_argument("--peers", action="store_true", help="run others' programs in turn with ours (installs them)")
    parser.add_argument("--peers-only", action="store_true", help="only the others: for trying out the peers")
    parser.add_argument("--json", metavar="FILE", help="write the results here as well")
    parser.add_argument("--runs", type=int, default=5, metavar="N", help="runs of each after a warm-up (default 5)")
    parser.add_argument("--list", action="store_true", help="list the benchmarks and end")
    parser.add_argument("--size", type=int, default=64, help="UDP payload in bytes (default 64)")
    parser.add_argument("--window", type=int, default=64, help="datagrams in flight (default 64)")
    parser.add_argument("--seconds", type=float, default=1, help="length of one echo run (default 1)")
    parser.add_argument("--no-build", action="store_true", help="measure what is built already")
    parser.add_argument("--cleanq", default=f"{ROOT}/.build/release/cleanq", help=argparse.SUPPRESS)
    parser.add_argument("--cleanq-bench", default=f"{ROOT}/.build/release/cleanq-bench", help=argparse.SUPPRESS)
    parser.add_argument("--peers-folder", default=f"{ROOT}/.build/peers", help=argparse.SUPPRESS)
    parser.add_argument("--products", action="store_true", help=argparse.SUPPRESS)  # what scripts/bench has to build
    arguments = parser.parse_args()
    if arguments.runs < 1:
        parser.error("--runs wants 1 or more")
    try:
        arguments.benchmarks = select(BENCHMARKS, arguments.names)
    except LookupError as unknown:
        parser.error(f"no benchmark is called '{unknown.args[0]}'; scripts/bench --list shows their names")
    return arguments


def show_progress(text):
    if sys.stderr.isatty():
        sys.stderr.write(f"\r\033[K{text}")
        sys.stderr.flush()


def list_benchmarks():
    for benchmark in BENCHMARKS:
        peers = ", ".join(peer.name for peer in benchmark.peers) or "–"
        print(f"{benchmark.name:28} {benchmark.unit:14} peers: {peers}{'' if benchmark.by_default else '   (only when named)'}")


def print_peers(benchmark, sides):
    for side in sides:
        for row, values in side.rows.items():
            print(f"{benchmark.name}{'/' if row else ''}{row}: {side.peer} {report.figure(report.median(values))} "
                  f"{benchmark.unit} ({report.figure(min(values))}…{report.figure(max(values))}) {side.details or ''}")


def run_all(bench, arguments, watch):
    """Every chosen benchmark: (results, failures)."""
    results, failures = [], []
    for benchmark in arguments.benchmarks:
        try:
            sides = measure(bench, benchmark, arguments.runs, not arguments.peers_only,
                            arguments.peers or arguments.peers_only, show_progress)
        except Failure as failure:
            show_progress("")
            failures.append({"name": benchmark.name, "reason": str(failure)})
            continue
        failures += [{"name": benchmark.name, "peer": side.peer, "reason": side.failure}
                     for side in sides if side.failure]
        if arguments.peers_only:
            print_peers(benchmark, sides)
        else:
            results += report.entries(benchmark, sides)
        watch.glance(benchmark.name)
    return results, failures


def main():
    arguments = parse_arguments()
    if arguments.list:
        list_benchmarks()
        return 0
    if arguments.products:
        print("\n".join(sorted({product for benchmark in arguments.benchmarks for product in benchmark.needs})))
        return 0

    # SIGTERM unwinds as Ctrl-C does, so that namespaces and servers are put away.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    bench = Bench(arguments)
    try:
        watch = host.Watch(bench.peer("calibrate"), bench.cpus)
        described = host.describe(watch.look("before"))
        described["together"] = watch.together("before")
    except Failure as failure:
        print(f"scripts/bench: {failure}", file=sys.stderr)
        return 1
    results, failures = run_all(bench, arguments, watch)
    warnings = [*watch.finish(), *report.noise(results), *bench.warnings]

    if results:
        print(report.table(described, results))
    for failure in failures:
        print(f"failed: {failure['name']}{', ' + failure['peer'] if 'peer' in failure else ''}: {failure['reason']}",
              file=sys.stderr)
    for warning in warnings:
        print(f"warning: {warning}", file=sys.stderr)
    if arguments.json:
        report.write_json(arguments.json, described, host.commit(ROOT), results, warnings, failures)
    return 1 if failures else 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        sys.exit(130)
