# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright The popfetch authors
"""Faults of every kind, one at a time, and how many of them were tried.

A test says so by points(n); the end of the run shows the sums. POPFETCH_FAULTS_LONG=1 tries all
points instead of a dense sample.
"""

import collections
import importlib.util
import os
import sys
from pathlib import Path

import pytest

FUNCTIONAL = Path(__file__).resolve().parents[1] / "functional"
sys.path.insert(0, str(FUNCTIONAL))
sys.path.insert(0, str(Path(__file__).resolve().parent))

from faultcalls import Faults, build  # noqa: E402

_spec = importlib.util.spec_from_file_location("functional_conftest", FUNCTIONAL / "conftest.py")
_functional = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(_functional)
for _name in "source_directory binary with_sanitizers certificates server popfetch".split():
    globals()[_name] = getattr(_functional, _name)

LONG = os.environ.get("POPFETCH_FAULTS_LONG", "") not in ("", "0")


@pytest.fixture(scope="session")
def long_form():
    return LONG


@pytest.fixture(scope="session")
def library(tmp_path_factory):
    directory = tmp_path_factory.getbasetemp()
    return build(directory.parent if os.environ.get("PYTEST_XDIST_WORKER") else directory)


@pytest.fixture
def faults(library, tmp_path):
    return Faults(library, tmp_path)


@pytest.fixture
def points(request):
    """points(17): so many faults were tried in this test, of the suite that its file is."""

    def count(number, what=None):
        suite = what or request.node.path.stem.removeprefix("test_").replace("_", " ")
        request.node.user_properties.append(("points", (suite, number)))

    return count


def pytest_terminal_summary(terminalreporter):
    sums, failed = collections.Counter(), collections.defaultdict(set)
    for outcome, reports in terminalreporter.stats.items():
        for report in reports:
            if getattr(report, "when", None) != "call":
                continue
            for name, value in report.user_properties:
                if name == "points":
                    sums[value[0]] += value[1]
                    if outcome != "passed":
                        failed[value[0]].add(report.nodeid)
    if not sums:
        return
    terminalreporter.section("points tried")
    for suite, number in sorted(sums.items()):
        wrong = f", {len(failed[suite])} tests failed" if failed[suite] else ""
        terminalreporter.write_line(f"{number:7d}  {suite}{wrong}")
    terminalreporter.write_line(f"{sum(sums.values()):7d}  in all")
