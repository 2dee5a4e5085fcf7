"""A process counts the processors that it may use, not the host's."""

import math
import os
import subprocess
import sys

import pytest

from pneumonia.inference import processors as module
from pneumonia.inference.processors import processors


@pytest.fixture
def grant(tmp_path, monkeypatch):
    """Writes the files of control groups, and looks at them in place of Linux's."""
    own, groups = tmp_path / "own", tmp_path / "groups"
    monkeypatch.setattr(module, "_OWN_GROUPS", own)
    monkeypatch.setattr(module, "_GROUPS", groups)
    monkeypatch.setattr(module, "_allowed", lambda: 64)

    def write(line, **files):
        own.write_text(line + "\n")
        for name, content in files.items():
            path = groups / name.replace("__", "/").replace("_max", ".max")
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(content)
        return processors()

    return write


@pytest.mark.parametrize(
    "limit, count",
    [
        ("200000 100000", 2),
        ("150000 100000", 2),
        ("5000 100000", 1),
        ("max 100000", 64),
    ],
)
def test_quota_of_a_container(grant, limit, count):
    assert grant("0::/", cpu_max=limit) == count
    # a container that is told the host's path
    assert grant("0::/docker/1a2b", cpu_max=limit) == count


def test_the_least_quota_of_all_groups_around_counts(grant):
    around, own = "300000 100000", "max 100000"
    assert grant("0::/job/step", job__cpu_max=around, job__step__cpu_max=own) == 3


@pytest.mark.parametrize("quota, count", [("250000", 3), ("-1", 64)])
def test_quota_by_version_1(grant, quota, count):
    files = {"cpu,cpuacct__cpu.cfs_quota_us": quota}
    files["cpu,cpuacct__cpu.cfs_period_us"] = "100000"
    assert grant("4:cpu,cpuacct:/\n3:memory:/job", **files) == count


def test_no_groups_no_limit(tmp_path):
    assert module._quota(tmp_path, tmp_path / "none") == math.inf


@pytest.mark.skipif(not hasattr(os, "sched_setaffinity"), reason="no affinity")
def test_affinity_decides_how_many_threads_run():
    code = (
        "import os, sys; os.sched_setaffinity(0, [min(os.sched_getaffinity(0))]);"
        "from pneumonia.inference.processors import processors;"
        "sys.exit(processors() != 1)"
    )
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0
