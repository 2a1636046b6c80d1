"""Sends datagrams into a TAP device, and measures for how long at most the other side of it took none.

    flow.py DEVICE ADDRESS      until standard input ends; then one JSON object

Run in the device's network namespace. Time in which this program itself did not run does not count.
"""

import json
import select
import socket
import sys
import time

INTERVAL = 0.005  # seconds between two datagrams


def taken(device):
    """Frames that the other side has taken: what the kernel calls transmitted."""
    for line in open("/proc/net/dev"):
        name, _, numbers = line.partition(":")
        if name.strip() == device:
            return int(numbers.split()[9])
    raise SystemExit(f"there is no {device}")


def main():
    device, address = sys.argv[1:]
    sender = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    sent, longest, standstill = 0, 0.0, 0.0
    count, last = taken(device), time.monotonic()
    while not select.select([sys.stdin], [], [], INTERVAL)[0]:
        sender.sendto(sent.to_bytes(8, "big") + bytes(32), (address, 7))
        sent += 1
        before, count = count, taken(device)
        now = time.monotonic()
        standstill = 0.0 if count != before else standstill + min(now - last, 4 * INTERVAL)
        longest, last = max(longest, standstill), now
    print(json.dumps({"sent": sent, "longest": longest}))


main()
