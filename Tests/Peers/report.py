"""Medians, spreads, the table on standard output and the JSON of --json:

    {"host": …, "commit": …, "results": [
      {"name": "ring/cores=2/burst=32", "unit": "cycles/buffer", "better": "lower", "runs": 5,
       "ours": 4.8, "oursMin": …, "oursMax": …, "oursSpread": 0.02,
       "peer": "rte_ring", "theirs": 5.5, "theirsMin": …, "theirsMax": …, "theirsSpread": 0.01,
       "ratio": 1.15, "ratioOfBest": 1.12, "decided": true}, …],
     "warnings": […], "failures": […]}

Figures are medians. A ratio above 1 means that ours is better; `ratioOfBest` is that of the best run of either, which other
work on the machine disturbs least; `decided` is false where the runs of the two overlap. A line
without a peer has no fields after oursSpread; a benchmark with several peers has a line per peer.
"""

import json
from statistics import median, quantiles

COLUMNS = ("benchmark", "unit", "ours", "min…max", "peer", "theirs", "min…max", "ratio", "of best")
SPREAD_LIMIT = 0.10


def figure(value):
    if value >= 10000:
        return f"{value:,.0f}"
    return f"{value:.0f}" if value >= 1000 else f"{value:.1f}" if value >= 100 else f"{value:.2f}"


def _rounded(value):
    return round(value, 3 if value < 1000 else 0)


def spread(values):
    """The width of the middle half of the runs, as a part of their median; of all runs where there are fewer than four."""
    middle = median(values)
    if len(values) < 2 or middle == 0:
        return 0.0
    low, high = (min(values), max(values)) if len(values) < 4 else quantiles(values, n=4, method="inclusive")[::2]
    return (high - low) / abs(middle)


def _summary(prefix, values):
    return {prefix: _rounded(median(values)), f"{prefix}Min": _rounded(min(values)),
            f"{prefix}Max": _rounded(max(values)), f"{prefix}Spread": round(spread(values), 3)}


def entries(benchmark, sides):
    """The entries of `results` for one benchmark: a line per row and peer, or per row where there is no peer."""
    ours, peers = sides[0], [side for side in sides[1:] if side.rows]
    found = []
    for row, values in ours.rows.items():
        entry = {"name": f"{benchmark.name}/{row}" if row else benchmark.name, "unit": benchmark.unit,
                 "better": benchmark.better, "runs": len(values), **_summary("ours", values), **ours.details}
        against = [side for side in peers if row in side.rows]
        found += [entry | _against(benchmark, values, side, side.rows[row]) for side in against] or [entry]
    return found


def _against(benchmark, ours, side, theirs):
    lower = benchmark.better == "lower"
    ratio = median(theirs) / median(ours) if lower else median(ours) / median(theirs)
    best = min(theirs) / min(ours) if lower else max(ours) / max(theirs)
    return {"peer": side.peer, **_summary("theirs", theirs), "ratio": round(ratio, 3), "ratioOfBest": round(best, 3),
            # Where the runs of the two overlap, these runs cannot say who is ahead.
            "decided": min(ours) > max(theirs) or max(ours) < min(theirs), **_details_of_theirs(side.details)}


def _details_of_theirs(details):
    """A fact that ours has as well is `clientBusy` there and `theirsClientBusy` here."""
    return {key if key.startswith("peer") else f"theirs{key[0].upper()}{key[1:]}": value for key, value in details.items()}


def noise(results):
    """One warning about the lines whose runs differ too much to be compared with other days or machines."""
    wide = sorted({entry["name"] for entry in results
                   if max(entry["oursSpread"], entry.get("theirsSpread", 0)) > SPREAD_LIMIT})
    if not wide:
        return []
    return [f"the middle half of the runs is wider than {SPREAD_LIMIT:.0%} of the median, so that a figure says little: "
            + ", ".join(wide)]


def _row(entry):
    row = [entry["name"], entry["unit"], figure(entry["ours"]), f"{figure(entry['oursMin'])}…{figure(entry['oursMax'])}"]
    if "peer" not in entry:
        return row + [""] * (len(COLUMNS) - 4)
    variant = f" ({entry['peerVariant']})" if "peerVariant" in entry else ""
    return row + [entry["peer"] + variant, figure(entry["theirs"]),
                  f"{figure(entry['theirsMin'])}…{figure(entry['theirsMax'])}",
                  f"{entry['ratio']:.2f}" + ("" if entry["decided"] else " ~"), f"{entry['ratioOfBest']:.2f}"]


def table(host, results):
    """The results for people. Peer columns only when there is a peer."""
    lines = [f"{host['cpu']}, {host['cores']} cores{', in a virtual machine' if host['virtual'] else ''}; "
             f"time-stamp counter {host['tscMHz']} MHz, core {host['coreMHz']} MHz, clock {host['clockSource']}; "
             f"Linux {host['kernel']}", ""]
    width = len(COLUMNS) if any("peer" in entry for entry in results) else 4
    rows = [row[:width] for row in [list(COLUMNS), *map(_row, results)]]
    widths = [max(len(row[column]) for row in rows) for column in range(width)]
    left = (0, 1, 4)
    for row in rows:
        cells = [cell.ljust(widths[i]) if i in left else cell.rjust(widths[i]) for i, cell in enumerate(row)]
        lines.append("  ".join(cells).rstrip())
    if width > 4:
        lines += ["", "Medians. A ratio above 1: ours is better; ~: the runs of the two overlap, so these cannot say who is."]
    return "\n".join(lines)


def write_json(path, host, commit, results, warnings, failures):
    document = {"host": host, "commit": commit, "results": results}
    if warnings:
        document["warnings"] = warnings
    if failures:
        document["failures"] = failures
    with open(path, "w") as file:
        json.dump(document, file, indent=2, ensure_ascii=False)
        file.write("\n")
