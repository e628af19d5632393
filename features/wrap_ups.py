"""Wrap-up codes as weak labels: what the agent who solved a contact clicked at its end, by the centre's own list.

A code is chosen in haste, and the list often knows no better one: codes teach, at a low weight, and neither calibrate
nor judge. Which code names which intent stands in a file (`code_map`); a code that is itself an intent's id needs none.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from data_contracts.errors import InputError
from features.code_map import LEARNED, CodeMap, Line
from features.records import Tables, frame, known

if TYPE_CHECKING:
    import pandas as pd

SOURCE = "wrap_up_code"
# Corrected contacts that a code must have met before its own agreement says anything.
FEWEST_CHECKED = 30
# Pseudo-contacts, agreeing as all codes do together, in a code's agreement: thirty alone know it to 15 points.
PRIOR_CHECKED = 10.0
# Codes listed by name where they are not mapped.
MOST_LISTED = 50

_LEG = ["segment_id", "contact_id", "sequence", "queue", "source", "agent_id", "disposition_code", "outcome",
        "known_at", "timeless"]  # fmt: skip


@dataclass(frozen=True)
class Coded:
    """What codes say.

    legs: one row a leg with a code: contact_id, code (with the scope of its line), intent (None where it is ignored or
    not mapped), weight (NaN: as the params say), learned, ignored. statements: one row a contact of which the codes
    name one intent, as `labels` takes them. ambiguous: contacts whose codes name several.
    """

    legs: pd.DataFrame
    statements: pd.DataFrame
    ambiguous: int

    def told(self) -> dict[str, Any]:
        """The figures of the build: counts of legs, the codes not mapped (most frequent first), ambiguous contacts."""
        unmapped = self.legs.loc[self.legs["intent"].isna() & ~self.legs["ignored"], "code"]
        counts = sorted(unmapped.value_counts().items(), key=lambda pair: (-pair[1], pair[0]))
        return {
            "legs": len(self.legs),
            "mapped": int(self.legs["intent"].notna().sum()),
            "ignored": int(self.legs["ignored"].sum()),
            "unmapped": [[str(code), int(count)] for code, count in counts[:MOST_LISTED]],
            "unmapped_legs": len(unmapped),
            "unmapped_codes": len(counts),
            "ambiguous_contacts": self.ambiguous,
        }


def of_tables(tables: Tables, *, codes: CodeMap | None, as_of: datetime) -> Coded:
    """`coded`, of the tables of a run."""
    intents = known(tables, "intents", as_of=as_of)
    return coded(known(tables, "segments", as_of=as_of), contacts=tables.get("contacts"), intents=intents, codes=codes,
                 as_of=as_of)  # fmt: skip


def coded(
    segments: pa.Table,
    *,
    as_of: datetime,
    codes: CodeMap | None = None,
    contacts: pa.Table | None = None,
    intents: pa.Table | None = None,
) -> Coded:
    """What the codes known at `as_of` say of each contact.

    contacts: for the channel, by which a line may hold. intents: the taxonomy; where it has any, a code that no line
    maps counts only if it is an intent's id itself. The legs that solved a contact speak, those that handed it on only
    where no other has a code; where they name different intents the contact is ambiguous and has none. Raises
    InputError for a line that names no intent of the taxonomy (lines of other sources are not looked at).
    """
    legs = frame(known({"segments": segments}, "segments", as_of=as_of), _LEG)
    legs = legs[legs["disposition_code"].notna()].sort_values(["contact_id", "sequence", "known_at", "segment_id"])
    legs = legs.merge(_channels(contacts, as_of=as_of), on="contact_id", how="left").reset_index(drop=True)
    defined = frozenset(() if intents is None else intents["intent_id"].to_pylist())
    _refuse_unknown(codes, defined, sources=frozenset(legs["source"]))
    legs = _read(legs, codes, defined)
    speaking, ambiguous = _speaking(legs)
    return Coded(legs, _statements(speaking), ambiguous)


def _channels(contacts: pa.Table | None, *, as_of: datetime) -> pd.DataFrame:
    found = frame(known({} if contacts is None else {"contacts": contacts}, "contacts", as_of=as_of),
                  ["contact_id", "channel"])  # fmt: skip
    return found.drop_duplicates("contact_id")


def _refuse_unknown(codes: CodeMap | None, defined: frozenset[str], *, sources: frozenset[str]) -> None:
    for line in codes.lines if codes and defined else ():
        heard = line.scope.source is None or line.scope.source in sources
        if heard and line.intent is not None and line.intent not in defined:
            raise InputError(
                f"wrap-up code {line.code} stands for an intent that the taxonomy does not define",
                expected=", ".join(_alike(line.intent, defined)), came=line.intent, where=line.where,
                remedy="Mend the line, write ignore, or define the intent (intent.defined).",
            )  # fmt: skip


def _alike(name: str, defined: frozenset[str]) -> list[str]:
    from difflib import get_close_matches

    return get_close_matches(name, sorted(defined), n=5) or [*sorted(defined)[:5], "…"]


def _read(legs: pd.DataFrame, codes: CodeMap | None, defined: frozenset[str]) -> pd.DataFrame:
    """Each leg with what its code stands for there; every kind of leg is looked up once."""
    import pandas as pd

    kinds = legs[_KIND].drop_duplicates()
    found = [_meaning(*kind, codes=codes, defined=defined) for kind in kinds.itertuples(index=False, name=None)]
    meant = pd.DataFrame(found, columns=["code", "intent", "weight", "learned", "ignored"], index=kinds.index)
    told = legs.merge(pd.concat([kinds, meant], axis=1), on=_KIND, how="left")
    told["intent"] = told["intent"].astype(object).where(told["intent"].notna(), None)
    return told.astype({"ignored": bool, "learned": bool, "weight": "float64"})


_KIND = ["disposition_code", "source", "queue", "channel"]


def _meaning(
    code: str, source: str, queue: str, channel: Any, *, codes: CodeMap | None, defined: frozenset[str]
) -> tuple[str, str | None, float, bool, bool]:
    """Code with scope, intent, weight, whether that is learned, whether the code is ignored."""
    line: Line | None = None
    if codes is not None:
        line = codes.line(code, source=source, queue=queue, channel=channel if isinstance(channel, str) else None)
    if line is None:
        own = code in defined if defined else codes is None
        return code, code if own else None, np.nan, False, False
    weight = line.weight if isinstance(line.weight, float) else np.nan
    return line.name, line.intent, weight, line.weight == LEARNED, line.intent is None


def _speaking(legs: pd.DataFrame) -> tuple[pd.DataFrame, int]:
    """The last leg of each contact whose codes name one intent, and how many contacts' name several."""
    solved = legs["outcome"] != "transferred"
    heard = legs[solved | ~solved.groupby(legs["contact_id"]).transform("any")]
    heard = heard[heard["intent"].notna()]
    several = heard.groupby("contact_id")["intent"].transform("nunique") > 1
    return heard[~several].drop_duplicates("contact_id", keep="last"), int(heard[several]["contact_id"].nunique())


def _statements(legs: pd.DataFrame) -> pd.DataFrame:
    told = legs.assign(subject=legs["contact_id"], prediction_id=None, label=legs["intent"], label_source=SOURCE)
    told = told.assign(agent=told["agent_id"].fillna(""), prompted=False, asked=None, statement_id=told["segment_id"])
    return told.reset_index(drop=True)


def agreement(labels: pd.DataFrame) -> pd.DataFrame:
    """How often each code's intent is what an agent corrected to: `checked`, `agreed` (counts) by code.

    labels: rows of label, label_source, asked, code, code_intent. Contacts that were asked about because their label
    was doubted, or the model unsure, are no sample of the code's contacts and are left out.
    """
    both = labels[(labels["label_source"] == "corrected") & labels["asked"].isna() & labels["code_intent"].notna()]
    marks = both.assign(right=both["label"] == both["code_intent"]).groupby("code")
    return marks.agg(checked=("right", "size"), agreed=("right", "sum")).astype("int64")


def learned_weights(found: pd.DataFrame) -> pd.Series:
    """The weight of each code by its agreement (`agreement`), where `FEWEST_CHECKED` contacts or more were checked.

    (agreed + PRIOR_CHECKED p) / (checked + PRIOR_CHECKED), squared, with p the share of all codes together that agreed
    (empirical Bayes): squared, as a code that is right half of the time teaches its mistakes as often.
    """
    shared = found["agreed"].sum() / max(1, found["checked"].sum())
    told = found[found["checked"] >= FEWEST_CHECKED]
    rate = (told["agreed"] + PRIOR_CHECKED * shared) / (told["checked"] + PRIOR_CHECKED)
    return (rate**2).round(6)


def with_peoples_mix(told: pd.DataFrame) -> pd.DataFrame:
    """The rows with weights under which the intents that teach are mixed as in people's words; the total stays.

    Codes stand for some intents and not for others: left as they are, they would teach that those others are rare. In
    the simulated centre with a fifth of the people's labels 71.8% were right without codes, 68.9% with them, 72.7% with
    them and people's mix. Intents that no person named keep their weights.
    """
    taught = told["part"] == "train"
    coded = taught & (told["label_source"] == SOURCE)
    people = told["weight"].where(taught & ~coded, 0.0).groupby(told["label"]).transform("sum")
    if not coded.any() or not (people > 0).any():
        return told
    mixed = taught & (people > 0)
    weight = told["weight"].where(mixed, 0.0)
    each = weight.groupby(told["label"]).transform("sum")
    by_people = told.loc[mixed & ~coded, "weight"].sum()
    factor = (people / by_people) * (weight.sum() / each.where(each > 0, 1.0))
    return told.assign(weight=told["weight"].where(~mixed, told["weight"] * factor))
