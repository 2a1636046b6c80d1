"""Every benchmark that scripts/bench knows, in the order of the table. To add one, add an entry here."""

import echoes
import rings
from benchmark import Benchmark, Peer

SHAPES = [(1, 1), (1, 8), (1, 32), (2, 1), (2, 8), (2, 32)]  # cores, burst


def _ring(cores, burst):
    return Benchmark(f"ring/cores={cores}/burst={burst}", "cycles/buffer", "lower",
                     rings.ours_on_cpus("ring", "--cores", str(cores), "--burst", str(burst)), rings.peers(cores, burst))


def _ring_zero_copy(cores, burst):
    return Benchmark(f"ring-zc/cores={cores}/burst={burst}", "cycles/buffer", "lower",
                     rings.ours_on_cpus("ring", "--cores", str(cores), "--burst", str(burst)),
                     rings.zero_copy_peers(cores, burst), by_default=False)


def _checked(cores, burst):
    """The same with a checked queue at either end; what `ring` shows less is the price of the check."""
    return Benchmark(f"checked/cores={cores}/burst={burst}", "cycles/buffer", "lower",
                     rings.ours_on_cpus("checked", "--cores", str(cores), "--burst", str(burst)))


BENCHMARKS = [
    *(_ring(*shape) for shape in SHAPES),
    *(_ring_zero_copy(*shape) for shape in SHAPES),
    *(_checked(*shape) for shape in SHAPES),
    Benchmark("tap-echo", "echoes/s", "higher", echoes.ours,
              (Peer("net_tap", echoes.net_tap), Peer("kernel UDP over veth", echoes.kernel)), needs=("cleanq",)),
]
