"""Every benchmark that scripts/bench knows, in the order of the table. To add one, add an entry here."""

from dataclasses import dataclass
from typing import Callable, Optional

import echoes
import rings


@dataclass(frozen=True)
class Benchmark:
    name: str
    unit: str
    better: str  # "lower" or "higher"
    ours: Callable  # (Bench) -> float: one run
    peer: Optional[str] = None  # whom it is compared with under --peers
    theirs: Optional[Callable] = None  # (Bench) -> float: one run of the peer
    needs: tuple = ("cleanq",)  # Swift products
    by_default: bool = True  # False: runs only when named


SHAPES = [(1, 1), (1, 32), (2, 1), (2, 8), (2, 32)]  # cores, burst


def _ring(cores, burst):
    return Benchmark(f"ring/cores={cores}/burst={burst}", "cycles/buffer", "lower", rings.ours(cores, burst),
                     "rte_ring", rings.rte_ring(cores, burst, "elem"), needs=("cleanq-bench",))


def _ring_zero_copy(cores, burst):
    """DPDK's experimental interface that hands out the slots: the strongest that it has for 32-byte elements."""
    return Benchmark(f"ring-zc/cores={cores}/burst={burst}", "cycles/buffer", "lower", rings.ours(cores, burst),
                     "rte_ring zero-copy", rings.rte_ring(cores, burst, "zc"), needs=("cleanq-bench",), by_default=False)


def _checked(burst):
    """A pass through the ring with a checked enqueue and a checked dequeue; what `ring` shows less is their price."""
    return Benchmark(f"checked/cores=1/burst={burst}", "cycles/buffer", "lower", rings.ours(1, burst, "checked"),
                     needs=("cleanq-bench",))


BENCHMARKS = [
    *(_ring(*shape) for shape in SHAPES),
    *(_ring_zero_copy(*shape) for shape in SHAPES),
    _checked(1),
    _checked(32),
    Benchmark("tap-echo", "echoes/s", "higher", echoes.ours, "net_tap", echoes.net_tap),
    Benchmark("tap-echo-kernel", "echoes/s", "higher", echoes.ours, "kernel UDP over veth", echoes.kernel,
              by_default=False),
]


def select(names):
    """The benchmarks that `names` mean: exact names, or a leading part up to a slash (`ring`, `ring/cores=2`)."""
    if not names:
        return [benchmark for benchmark in BENCHMARKS if benchmark.by_default]
    for name in names:
        if not any(_matches(benchmark, name) for benchmark in BENCHMARKS):
            raise LookupError(name)
    return [benchmark for benchmark in BENCHMARKS if any(_matches(benchmark, name) for name in names)]


def _matches(benchmark, name):
    name = name.rstrip("/")
    return benchmark.name == name or benchmark.name.startswith(name + "/")
