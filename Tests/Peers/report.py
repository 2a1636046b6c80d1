"""Medians, the table on standard output and the JSON of ARCHITECTURE.md, section Scripts."""

import json
from statistics import median

COLUMNS = ("benchmark", "unit", "ours", "min…max", "peer", "theirs", "min…max", "ratio")


def figure(value):
    if value >= 10000:
        return f"{value:,.0f}"
    return f"{value:.0f}" if value >= 1000 else f"{value:.1f}" if value >= 100 else f"{value:.2f}"


def _rounded(value):
    return round(value, 3 if value < 1000 else 0)


def result(benchmark, ours, theirs, details):
    """One entry of `results`: medians, spread, and with a peer the ratio, above 1 when ours is better."""
    entry = {"name": benchmark.name, "unit": benchmark.unit, "better": benchmark.better,
             "ours": _rounded(median(ours)), "runs": len(ours),
             "oursMin": _rounded(min(ours)), "oursMax": _rounded(max(ours))}
    if theirs:
        ratio = median(theirs) / median(ours) if benchmark.better == "lower" else median(ours) / median(theirs)
        entry |= {"peer": benchmark.peer, "theirs": _rounded(median(theirs)), "ratio": round(ratio, 3),
                  "theirsMin": _rounded(min(theirs)), "theirsMax": _rounded(max(theirs)), **details}
    return entry


def _row(entry):
    row = [entry["name"], entry["unit"], figure(entry["ours"]), f"{figure(entry['oursMin'])}…{figure(entry['oursMax'])}"]
    if "peer" not in entry:
        return row + ["", "", "", ""]
    variant = f" ({entry['peerVariant']})" if "peerVariant" in entry else ""
    return row + [entry["peer"] + variant, figure(entry["theirs"]),
                  f"{figure(entry['theirsMin'])}…{figure(entry['theirsMax'])}", f"{entry['ratio']:.2f}"]


def table(host, results):
    """The results for people. Peer columns only when there is a peer."""
    lines = [f"{host['cpu']}, {host['cores']} cores, TSC {host['tscMHz']} MHz, core {host['coreMHz']} MHz, "
             f"Linux {host['kernel']}", ""]
    width = len(COLUMNS) if any("peer" in entry for entry in results) else 4
    rows = [row[:width] for row in [list(COLUMNS), *map(_row, results)]]
    widths = [max(len(row[column]) for row in rows) for column in range(width)]
    left = (0, 1, 4)
    for row in rows:
        cells = [cell.ljust(widths[i]) if i in left else cell.rjust(widths[i]) for i, cell in enumerate(row)]
        lines.append("  ".join(cells).rstrip())
    if width > 4:
        lines += ["", "ratio above 1: ours is better"]
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
