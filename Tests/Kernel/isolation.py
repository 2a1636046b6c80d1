"""A mount namespace, and as an ordinary user a user namespace, in which network namespaces can be made and vanish."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

INSIDE = "CLEANQ_KERNEL_SUITE_INSIDE"
TOOLS = ("ip", "unshare", "mount", "tcpdump", "capinfos", "ping", "setpriv")


def isolated(script):
    """Starts `script` again, with the same arguments, inside; or returns why not. Returns None when it is inside."""
    if os.environ.get(INSIDE):
        return None
    missing = [tool for tool in TOOLS if not shutil.which(tool)]
    if missing:
        return f"not installed: {', '.join(missing)} (apt-get install iproute2 util-linux tcpdump tshark iputils-ping)"
    if not os.access("/dev/net/tun", os.R_OK | os.W_OK):
        return "no /dev/net/tun that this user may open"
    # tcpdump as root would change user
    unshare = ["unshare", "-m"] if os.geteuid() == 0 else ["unshare", "-Unm", "--map-current-user", "--keep-caps"]
    inside = "mount -t tmpfs tmpfs /run && mkdir -p /run/netns && " + 'exec "$0" "$@"'
    trial = subprocess.run([*unshare, "sh", "-c", inside, "ip", "netns", "add", "trial"], capture_output=True, text=True)
    if trial.returncode != 0:
        return f"no network namespaces here: {trial.stderr.strip()}"
    os.environ[INSIDE] = "1"
    os.execvp(unshare[0], [*unshare, "sh", "-c", inside, sys.executable, str(Path(script).resolve()), *sys.argv[1:]])
