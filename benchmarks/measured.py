"""A command as a process of its own: its seconds and its peak memory.

    python -S benchmarks/measured.py COMMAND ...

Linux counts as a process's peak what its parent held when it was forked. So this
script, which holds next to nothing, is the parent of what is measured.
"""

import os
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path


def measured(command: Sequence[object], folder: Path) -> tuple[float, float]:
    """Runs a command there; returns seconds and peak megabytes of the whole process."""
    launcher = [sys.executable, "-S", __file__, *map(str, command)]
    ended = subprocess.run(launcher, cwd=folder, capture_output=True, text=True)
    if ended.returncode:
        raise SystemExit(f"{command} failed: {ended.stderr}")
    seconds, megabytes = map(float, ended.stdout.split())
    return seconds, megabytes


def main() -> int:
    """Prints seconds and megabytes; returns the command's exit code."""
    start = time.perf_counter()
    process = subprocess.Popen(sys.argv[1:], stdout=subprocess.DEVNULL)
    _, status, usage = os.wait4(process.pid, 0)
    print(time.perf_counter() - start, usage.ru_maxrss / 1024)  # KiB on Linux
    return os.waitstatus_to_exitcode(status)


if __name__ == "__main__":
    sys.exit(main())
