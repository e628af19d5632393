"""Checked tables as they were known at a moment, as pandas frames. Only build code imports this module."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta

import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from data_contracts.arrow import schema
from data_contracts.errors import MissingColumn

Tables = Mapping[str, pa.Table]

US_PER_S = 1_000_000


def known(tables: Tables, dataset: str, *, as_of: datetime) -> pa.Table:
    """The rows of a dataset that were known by `as_of`; an absent dataset is an empty table of its contract."""
    table = tables.get(dataset)
    if table is None:
        return schema(dataset).empty_table()
    if "known_at" not in table.column_names:
        raise MissingColumn("a table without its times", expected="known_at", came=", ".join(table.column_names))
    return table.filter(pc.less_equal(table["known_at"], pa.scalar(as_of, type=table.schema.field("known_at").type)))


def frame(table: pa.Table, columns: Sequence[str]) -> pd.DataFrame:
    """These columns as a frame with a fresh index; times stay in UTC and microseconds."""
    absent = [name for name in columns if name not in table.column_names]
    if absent:
        raise MissingColumn("a table lacks columns", expected=", ".join(absent), came=", ".join(table.column_names))
    found: pd.DataFrame = table.select(list(columns)).to_pandas(ignore_metadata=True, date_as_object=False)
    return found


def first_revisions(contacts: pd.DataFrame, *, key: str = "contact_id") -> pd.DataFrame:
    """The row of each key as it was first told: what routing could know of a contact later re-opened."""
    return contacts.sort_values([key, "revision", "known_at"]).drop_duplicates(key).reset_index(drop=True)


def last_revisions(rows: pd.DataFrame, *, key: str) -> pd.DataFrame:
    """The row of each key as it was last told."""
    return rows.sort_values([key, "revision", "known_at"]).drop_duplicates(key, keep="last").reset_index(drop=True)


def seconds(times: pd.Series) -> pd.Series:
    """Times as float seconds since 1970; a missing time is NaN."""
    whole = times.astype("datetime64[us, UTC]")
    return whole.astype("int64").where(whole.notna()) / US_PER_S


def days(count: float) -> timedelta:
    """That many days."""
    return timedelta(days=count)
