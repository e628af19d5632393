"""What the wrap-up codes of a workspace are worth: seen, mapped, and checked against what agents corrected to."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from flows.compose import Workspace

if TYPE_CHECKING:
    import pandas as pd

    from features.wrap_ups import Coded
    from training.params import Params


def seen(place: Workspace) -> dict[str, Any]:
    """Every code by how often it was given, in the archive as it is now.

    Returns {file, codes, unmapped, ambiguous_contacts}; of a code: code, scope (of the line that maps it), legs, state
    (mapped, ignored, unmapped), intent, weight, checked (contacts that an agent corrected too), agreement with its
    exact 95% interval low and high, learned (what `weight: learned` would give it, None where too few were checked).
    Raises InputError as `code_map.load` and `wrap_ups.coded`.
    """
    from features import code_map, wrap_ups
    from flows.checkout import source_folder
    from flows.issuing import running_params

    params = running_params(place)
    codes = code_map.of_params(params.labels.wrap_up_codes, root=source_folder())
    names = ("verdicts", "segments", "predictions", "intents", "contacts")
    tables = {name: place.archive.read(name) for name in names}
    coded = wrap_ups.of_tables(tables, codes=codes, as_of=place.clock.now())
    checked = wrap_ups.agreement(_labels(place, tables, coded, params))
    told = coded.told()
    return {
        "file": params.labels.wrap_up_codes,
        "codes": _codes(coded, checked, weight=params.labels.weight_wrap_up),
        "unmapped": told["unmapped"],
        "ambiguous_contacts": told["ambiguous_contacts"],
    }


def _labels(place: Workspace, tables: dict[str, Any], coded: Coded, params: Params) -> pd.DataFrame:
    from features.labels import intent_labels

    said = (tables["verdicts"], tables["segments"], tables["predictions"])
    told = intent_labels(*said, params=params.labels, as_of=place.clock.now(), intents=tables["intents"], coded=coded)
    found: pd.DataFrame = told.to_pandas(ignore_metadata=True)
    return found


def _codes(coded: Coded, checked: pd.DataFrame, *, weight: float) -> list[dict[str, Any]]:
    from features import wrap_ups

    learned = wrap_ups.learned_weights(checked)
    kinds = coded.legs.groupby("code").agg(
        legs=("contact_id", "size"), raw=("disposition_code", "first"), intent=("intent", "first"),
        ignored=("ignored", "first"), own=("weight", "first"), learns=("learned", "first"),
    )  # fmt: skip
    order = kinds.assign(name=kinds.index).sort_values(["legs", "name"], ascending=[False, True])
    return [_code(str(name), kinds.loc[name], checked, learned, usual=weight) for name in order.index]


def _code(name: str, kind: Any, checked: pd.DataFrame, learned: pd.Series, *, usual: float) -> dict[str, Any]:
    from training import intervals

    mapped = isinstance(kind["intent"], str)
    told: dict[str, Any] = {
        "code": kind["raw"], "scope": name.removeprefix(kind["raw"])[2:-1], "legs": int(kind["legs"]),
        "intent": kind["intent"] if mapped else None,
        "state": "mapped" if mapped else "ignored" if kind["ignored"] else "unmapped",
        "checked": 0, "agreement": None, "low": None, "high": None, "learned": None,
    }  # fmt: skip
    given = float(kind["own"]) if kind["own"] == kind["own"] else usual  # NaN: no weight of its own
    found = float(learned[name]) if name in learned.index else None
    told["weight"] = (found if kind["learns"] and found is not None else given) if mapped else None
    if name in checked.index:
        count, agreed = (int(checked[column].to_dict()[name]) for column in ("checked", "agreed"))
        share = intervals.proportion(agreed, of=count)
        told |= {"checked": count, "agreement": round(share.estimate, 4), "low": round(share.low, 4),
                 "high": round(share.high, 4), "learned": found}  # fmt: skip
    return told
