"""The ring benchmarks: ours (`cleanq-bench ring`, `round-trip`), DPDK's, Boost's and Concurrency Kit's.

Same element size, slots, CPUs and shape: the same elements circulate through a pair of rings.
"""

from benchmark import Peer
from process import Failure, run_json

# Neither compiler's code is fastest everywhere, so a short probe picks the one to measure. Both get the flags of Debian's
# pkg-config.
COMPILERS = ("gcc", "clang")
PROBE_SECONDS = "0.15"
PROBE_ROUNDS = 3
PERCENTILES = ("p50", "p99", "p99.9")


def pair(bench):
    """The CPUs of the two sides, as all programs take them."""
    return f"{bench.cpus[0]},{bench.cpus[-1]}"


def ours(*words, rows=None):
    """One run of `cleanq-bench WORDS`: its value, or those of its fields that are the rows."""
    def measure(bench):
        found = run_json([bench.cleanq_bench, *words])
        return {row: found[row] for row in rows} if rows else found["value"]
    return measure


def ours_on_cpus(*words, rows=None):
    """As `ours`, for what says where it runs."""
    def measure(bench):
        return ours(*words, "--cpus", pair(bench), rows=rows)(bench)
    return measure


def program(name, *words, rows=None):
    """One run of a C program of this folder that takes no shape of a ring."""
    def measure(bench):
        found = run_json([bench.peer(name), *words])
        return {row: found[row] for row in rows} if rows else found["value"]
    return measure


def program_on_cpus(name, *words, rows=None):
    return lambda bench: program(name, *words, "--cpus", pair(bench), rows=rows)(bench)


def _peer(name, program, shape, rows):
    fastest = None

    def run(bench, compiler, seconds):
        return run_json([bench.peer(f"{program}.{compiler}"), *shape, "--seconds", seconds,
                         "--cpus", pair(bench)])

    def measure(bench):
        nonlocal fastest
        key = rows[0] if rows else "value"
        if fastest is None:
            compilers = [compiler for compiler in COMPILERS if bench.has_peer(f"{program}.{compiler}")]
            if not compilers:
                raise Failure(f"{program} is not built")
            probed = {compiler: min(run(bench, compiler, PROBE_SECONDS)[key] for _ in range(PROBE_ROUNDS))
                      for compiler in compilers}
            fastest = min(probed, key=probed.get)
            bench.detail("peerVariant", fastest)
            bench.detail("peerVariants", {compiler: round(value, 2) for compiler, value in probed.items()})
        found = run(bench, fastest, "1")
        return {row: found[row] for row in rows} if rows else found["value"]
    return Peer(name, measure)


def _shape(cores, burst, buffers):
    shape = ["--cores", str(cores), "--burst", str(burst)]
    return shape + ["--buffers", str(buffers)] if buffers else shape


def ours_in_shape(name, *shape):
    return ours_on_cpus(name, *_shape(*shape))


def peers(*shape):
    shape = _shape(*shape)
    return (_peer("rte_ring", "rte_ring", shape, None), _peer("boost spsc_queue", "boost_spsc", shape, None),
            _peer("ck_ring", "ck_ring", shape, None))


def zero_copy_peers(*shape):
    """DPDK's experimental interface that hands out the slots: the strongest that it has for 32-byte elements."""
    return (_peer("rte_ring zero-copy", "rte_ring_zc", _shape(*shape), None),)


def limit_peers(*shape):
    """Not peers but limits: a ring in C that checks nothing, and one that checks and counts what ours does."""
    return (_peer("bare C ring", "bare_ring", _shape(*shape), None),
            _peer("C ring with the contract", "contract_ring", _shape(*shape), None))


def round_trip_peers():
    shape = ["--cores", "2", "--burst", "1", "--shape", "round-trip"]
    return (_peer("rte_ring", "rte_ring", shape, PERCENTILES), _peer("boost spsc_queue", "boost_spsc", shape, PERCENTILES),
            _peer("ck_ring", "ck_ring", shape, PERCENTILES))
