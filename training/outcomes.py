"""The three outcomes of a contact with an agent as columns of numbers, for learning and for judging."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import pyarrow as pa

Floats = npt.NDArray[np.float64]
# Handle times of ten seconds and less are misdials and transfers: DESIGN section 6 judges above them.
SHORTEST_S = 10.0


def target_of(name: str, table: pa.Table) -> Floats:
    """An outcome as it is learned: resolved 0/1, log of handle seconds, stars; NaN where it is not known."""
    column = {"resolution": "resolved", "handle": "handle_s", "rating": "rating"}[name]
    values = np.asarray(table[column].to_numpy(zero_copy_only=False), dtype=np.float64)
    if name != "handle":
        return values
    return np.log(np.where(values > 0, values, np.nan))


def matrix_of(table: pa.Table, columns: Sequence[str]) -> Floats:
    """These feature columns as (rows, columns); one that the table lacks is unknown throughout."""
    nothing = np.full(table.num_rows, np.nan)
    told = [table[n].to_numpy(zero_copy_only=False) if n in table.column_names else nothing for n in columns]
    return np.column_stack(told).astype(np.float64) if table.num_rows else np.zeros((0, len(columns)))
