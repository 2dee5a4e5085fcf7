"""How many processors this process may use: a share of a host, as a rule."""

import math
import os
from pathlib import Path

_GROUPS = Path("/sys/fs/cgroup")
_OWN_GROUPS = Path("/proc/self/cgroup")


def processors() -> int:
    """Those that the system lets this process run on, at least 1.

    `os.cpu_count` tells of the host. A container, a job of a cluster or `taskset` gives
    a process fewer, and a thread for each of the host's costs memory and time.
    """
    return max(1, math.ceil(min(_allowed(), _quota(_GROUPS, _OWN_GROUPS))))


def _allowed() -> int:
    if hasattr(os, "process_cpu_count"):  # from Python 3.13 on
        return os.process_cpu_count() or 1
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _quota(groups: Path, own: Path) -> float:
    """Processor seconds per second that Linux's control groups grant; or infinity.

    Args:
        groups: where the file system of the groups is mounted.
        own: file of the groups of this process, a line `ID:CONTROLLERS:PATH` each.
    """
    try:
        lines = own.read_text().splitlines()
    except (OSError, UnicodeDecodeError):  # another system
        return math.inf
    least = math.inf
    for line in lines:
        _, controllers, path = line.split(":", 2)
        if controllers and "cpu" not in controllers.split(","):
            continue
        root = groups / controllers if controllers else groups
        group = root / path.lstrip("/")
        # in a container the path may be the host's, and the group is the root itself
        for folder in {root, group, *(p for p in group.parents if root in p.parents)}:
            least = min(least, _granted(folder))
    return least


def _granted(group: Path) -> float:
    """What one group grants, by version 2 of them or version 1; or infinity."""
    try:
        if (limit := group / "cpu.max").exists():
            quota, period = limit.read_text().split()
        else:
            quota, period = (
                (group / f"cpu.cfs_{name}_us").read_text()
                for name in ("quota", "period")
            )
        granted = float(quota) / float(period)  # "max" is no number
    except (OSError, ValueError, ZeroDivisionError):
        return math.inf
    return granted if granted > 0 else math.inf  # -1 is no limit
