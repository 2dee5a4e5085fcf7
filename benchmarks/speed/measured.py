"""A command as a process of its own: its seconds and its peak memory.

    python -S benchmarks/speed/measured.py COMMAND ...

Linux counts as a process's peak what its parent held when it was forked. So this
script, which holds next to nothing, is the parent of what is measured.
"""

import os
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).parents[2]


def command_line(*arguments: object, tree: Path = ROOT) -> tuple[float, float]:
    """Runs `python -m pneumonia ARGUMENTS` in a source tree, whose package it takes.

    Returns seconds and peak megabytes of the whole process.
    """
    command = [sys.executable, "-m", "pneumonia", *map(str, arguments)]
    launcher = [sys.executable, "-S", __file__, *command]
    ended = subprocess.run(launcher, cwd=tree, capture_output=True, text=True)
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
