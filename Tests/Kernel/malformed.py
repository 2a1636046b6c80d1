"""What can be wrong with a frame, kind by kind, and what a host that follows RFC 1122 does with it.

Each kind is an endless, seeded generator of (frame, fate). The fates:

DROP    counted once as a drop, and not answered (unless the kind says that an error message may answer it)
ANSWER  odd but right: answered once, no drop
MAYBE   dropped or answered; one of the two
FREE    no claim beyond: at most one drop
"""

from typing import Callable, NamedTuple

DROP, ANSWER, MAYBE, FREE = "drop", "answer", "maybe", "free"
KINDS = []


class Kind(NamedTuple):
    name: str
    reasons: tuple      # each drop reason of this kind contains one of these; empty: not obvious, so not checked
    errors: bool        # a drop may be answered with an ICMP error
    jumbo: bool         # wants an MTU of 9000 on the kernel's side
    frames: Callable    # (builder, rng) -> endless iterator of (frame, fate)


def kind(*reasons, errors=False, jumbo=False):
    def register(function):
        KINDS.append(Kind(function.__name__, reasons, errors, jumbo, function))
        return function
    return register


def payload(rng, low=8, high=64):
    """Random bytes without a zero, so that cutting or moving an end always spoils a checksum."""
    return bytes(rng.randrange(1, 256) for _ in range(rng.randint(low, high)))


def address(text):
    return bytes(map(int, text.split(".")))


SHORT = ("truncated", "length", "short")
