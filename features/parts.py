"""Who is learned from and who is judged: parts that stay as they are, by time where there is time, else by the text.

Both cuts are functions of the rows alone, so the same rows have the same parts in every run.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

PARTS = ("train", "calibrate", "judge")
# Beside them: texts that no intent covers, which are asked when a model is judged and nothing else.
OUTSIDE = "outside"

Strings = npt.NDArray[np.object_]


def stable_share(text: str, *, salt: str) -> float:
    """A number in [0, 1) that belongs to the text: sha256, the same on every machine and in every run."""
    digest = hashlib.sha256(f"{salt}\0{text}".encode()).digest()
    return int.from_bytes(digest[:8], "big") / 2.0**64


def by_time(times: npt.NDArray[np.int64], *, judge_share: float, calibrate_share: float) -> Strings:
    """Parts by time: the last share of the rows judges, the share before it calibrates, the rest trains.

    Rows of one moment stay together, in the later part.
    """
    if not len(times):
        return np.asarray([], dtype=object)
    judge_from, calibrate_from = cuts(times, judge_share=judge_share, calibrate_share=calibrate_share)
    return after_cuts(times, judge_from=judge_from, calibrate_from=calibrate_from)


def cuts(times: npt.NDArray[np.int64], *, judge_share: float, calibrate_share: float) -> tuple[int, int]:
    """The moments from which rows judge, and from which they calibrate."""
    ordered = np.sort(times)
    judge = round(len(ordered) * (1.0 - judge_share))
    calibrate = round(len(ordered) * (1.0 - judge_share - calibrate_share))
    past = int(ordered[-1]) + 1
    judge_from = int(ordered[judge]) if judge < len(ordered) else past
    return judge_from, int(ordered[calibrate]) if calibrate < len(ordered) else past


def after_cuts(times: npt.NDArray[np.int64], *, judge_from: int, calibrate_from: int) -> Strings:
    """The part of each moment."""
    found = np.full(len(times), "train", dtype=object)
    found[times >= calibrate_from] = "calibrate"
    found[times >= judge_from] = "judge"
    return found


def by_text(texts: Sequence[str], *, judge_share: float, calibrate_share: float) -> Strings:
    """Parts by a stable hash of the (normalised) text: a text has one part whatever other texts there are."""
    found = np.full(len(texts), "train", dtype=object)
    shares = np.asarray([stable_share(text, salt="part") for text in texts])
    if len(texts):
        found[shares < judge_share + calibrate_share] = "calibrate"
        found[shares < judge_share] = "judge"
    return found
