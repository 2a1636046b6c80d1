"""What a benchmark is, how it is run, and how one is found by name."""

from dataclasses import dataclass
from typing import Callable

from process import Failure


@dataclass(frozen=True)
class Peer:
    """A program of others that does the same thing."""
    name: str
    run: Callable  # (Bench) -> float, or {row: float} as the benchmark's own


@dataclass(frozen=True)
class Benchmark:
    name: str
    unit: str
    better: str  # "lower" or "higher"
    ours: Callable  # (Bench) -> float: one run; or {row: float}, each a line of its own: {"p50": …, "p99": …}
    peers: tuple = ()  # of Peer: whom it is compared with under --peers, a line each
    needs: tuple = ("cleanq-bench",)  # Swift products
    by_default: bool = True  # False: runs only when named


@dataclass
class Side:
    """One program's runs of a benchmark: ours where there is no peer."""
    run: Callable
    peer: str = None
    rows: dict = None  # row: figures, one per run
    details: dict = None  # facts for the JSON entry
    failure: str = None


def measure(bench, benchmark, runs, with_ours, with_peers, progress):
    """A warm-up of each side, then all sides in turn, A B C A B C, so that a drift of the machine meets each of them.

    A peer that cannot run is left out, with its reason; without ours there is no result.
    """
    sides = [Side(benchmark.ours)] if with_ours else []
    if with_peers:
        sides += [Side(peer.run, peer.name) for peer in benchmark.peers]
    for side in sides:
        side.rows, side.details = {}, {}
    for run in range(-1, runs):
        for side in sides:
            if side.failure:
                continue
            progress(f"{benchmark.name}: {side.peer or 'ours'}, run {run + 1} of {runs}")
            bench.details = side.details
            try:
                found = side.run(bench)
            except Failure as failure:
                if side.peer is None:
                    raise
                side.failure = str(failure)
                continue
            if run >= 0:
                for row, value in (found if isinstance(found, dict) else {"": found}).items():
                    side.rows.setdefault(row, []).append(float(value))
    progress("")
    return sides


def select(benchmarks, names):
    """The benchmarks that `names` mean: exact names, or a leading part up to a slash (`ring`, `ring/cores=2`)."""
    if not names:
        return [benchmark for benchmark in benchmarks if benchmark.by_default]
    for name in names:
        if not any(_matches(benchmark, name) for benchmark in benchmarks):
            raise LookupError(name)
    return [benchmark for benchmark in benchmarks if any(_matches(benchmark, name) for name in names)]


def _matches(benchmark, name):
    name = name.rstrip("/")
    return benchmark.name == name or benchmark.name.startswith(name + "/")
