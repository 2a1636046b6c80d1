"""The ring benchmarks: ours (`cleanq-bench ring`) and DPDK's rte_ring.

Same element size, slots, CPUs and shape: the same elements circulate through a pair of rings.
"""

from process import Failure, run_json

# Neither compiler's code is fastest everywhere, so a short probe picks the one to measure. Both get the flags of Debian's
# pkg-config.
COMPILERS = ("gcc", "clang")
PROBE_SECONDS = "0.15"
PROBE_ROUNDS = 3


def ours(cores, burst, command="ring"):
    """`command`: ring, or checked, the same ring with a checked queue at either end."""
    def measure(bench):
        found = run_json([bench.cleanq_bench, command, "--cores", str(cores), "--burst", str(burst)])
        if "value" not in found:
            raise Failure(f"cleanq-bench {command} printed no value: {found}")
        return float(found["value"])
    return measure


def rte_ring(cores, burst, interface):
    """`interface`: elem copies elements in and out by DPDK's own loops, zc hands out the slots."""
    fastest = None

    def run(bench, compiler, seconds):
        return float(run_json([bench.peer(f"rte_ring.{compiler}"), "--cores", str(cores), "--burst", str(burst),
                               "--api", interface, "--shape", "circulate", "--seconds", seconds,
                               "--cpus", f"{bench.cpus[0]},{bench.cpus[-1]}"])["value"])

    def measure(bench):
        nonlocal fastest
        if fastest is None:
            compilers = [compiler for compiler in COMPILERS if bench.has_peer(f"rte_ring.{compiler}")]
            if not compilers:
                raise Failure("rte_ring is not built")
            probed = {compiler: min(run(bench, compiler, PROBE_SECONDS) for _ in range(PROBE_ROUNDS))
                      for compiler in compilers}
            fastest = min(probed, key=probed.get)
            bench.detail("peerVariant", fastest)
            bench.detail("peerVariants", {compiler: round(value, 2) for compiler, value in probed.items()})
        return run(bench, fastest, "1")
    return measure
