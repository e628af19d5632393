"""Seconds and memory are measured as the kernel tells them."""

from __future__ import annotations

import math
import os
import subprocess
import sys
import time

import pytest

from flows import measuring

MB = 200
HOLDER = f"held = bytearray({MB} * 2**20); print('held', flush=True); input()"


def test_the_memory_of_a_child_counts() -> None:
    before = measuring.memory_mb(os.getpid())
    if before is None:
        pytest.skip("this system has no /proc")
    child = subprocess.Popen(
        [sys.executable, "-c", HOLDER], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )  # fmt: skip
    assert child.stdout is not None
    child.stdout.readline()

    during = measuring.memory_mb(os.getpid())
    child.communicate("\n")

    assert during is not None
    assert MB * 0.9 < during - before < MB * 1.5


def test_a_step_takes_as_long_as_it_takes_even_if_it_fails() -> None:
    watch = measuring.Watch()

    with watch.step("quick"):
        time.sleep(0.02)
    with pytest.raises(RuntimeError), watch.step("broken"):
        raise RuntimeError

    assert [name for name, _ in watch.steps] == ["quick", "broken"]
    assert 0.02 <= watch.steps[0][1] < 1


def test_processor_time_grows_with_work() -> None:
    before = measuring.processor_s(os.getpid())
    if math.isnan(before):
        pytest.skip("this system has no /proc")
    until = time.process_time() + 0.1
    while time.process_time() < until:
        pass

    assert 0.05 < measuring.processor_s(os.getpid()) - before < 5
    assert measuring.processor_s(2**22 + 1) == 0  # no process has this number
