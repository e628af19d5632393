"""Examples of what customers say and what it was about, in parts that are frozen."""

from __future__ import annotations

import json
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from features import parts, settling, taxonomy, wrap_ups
from features.dialogue import dialogue
from features.labels import intent_labels
from features.records import US_PER_S, Tables, first_revisions, frame, known, seconds
from features.wording import language_of, normalise
from features.writing import write_json, write_table

if TYPE_CHECKING:
    import pandas as pd

    from features.code_map import CodeMap
    from features.params import IntentDataParams, LabelParams

_TIME = pa.timestamp("us", tz="UTC")

SCHEMA = pa.schema(
    [
        ("example_id", pa.string()),
        ("contact_id", pa.string()),
        ("text", pa.string()),
        ("turns", pa.string()),
        ("language", pa.string()),
        ("channel", pa.string()),
        ("label", pa.string()),
        ("label_source", pa.string()),
        ("asked", pa.string()),
        ("code", pa.string()),
        ("code_intent", pa.string()),
        ("weight", pa.float64()),
        ("agents_count", pa.int64()),
        ("happened_at", _TIME),
        ("known_at", _TIME),
        ("timeless", pa.bool_()),
        ("part", pa.string()),
    ]
)


def build(
    tables: Tables, *, params: IntentDataParams, labels: LabelParams, as_of: datetime, to: Path,
    codes: CodeMap | None = None,
) -> dict[str, Any]:  # fmt: skip
    """Write `to`/intent/examples.parquet (SCHEMA, sorted by example_id) from what was known at `as_of`, and beside it
    taxonomy.json (`taxonomy`), wrap_up_codes.json (`wrap_ups`) and settled.json (`settling`). codes: which intent each
    wrap-up code stands for. Rows of a label of `out_of_scope` are the part `outside`.

    Returns the family's part of the manifest: rows by part, intents, period, and what was left out and why.
    """
    import pandas as pd

    coded = wrap_ups.of_tables(tables, codes=codes, as_of=as_of)
    left_out: dict[str, int] = {}
    told = examples(tables, params=params, labels=labels, as_of=as_of, coded=coded, left_out=left_out)
    told, outside = _apart(told, params=params, left_out=left_out)
    told["part"] = _parted(told, params=params)
    told = _with_learned_weights(told, coded)
    told = _without_questions(told, left_out)
    told = _without_coded(told, left_out)
    told = _drop_later_repeats(told, left_out)
    told = wrap_ups.with_peoples_mix(_capped(told, params=params, left_out=left_out))
    told = (pd.concat([told, outside]) if len(outside) else told).sort_values("example_id")
    table = pa.Table.from_pandas(told[SCHEMA.names], schema=SCHEMA, preserve_index=False)
    write_table(table, to / "intent" / "examples.parquet")
    write_json(taxonomy.told(tables, as_of=as_of), to / "intent" / "taxonomy.json")
    write_json(coded.told(), to / "intent" / "wrap_up_codes.json")
    write_json(settling.told(tables, labels=labels, coded=coded, as_of=as_of), to / "intent" / "settled.json")
    return {**_told_of(told, left_out), "wrap_up_codes": coded.told()}


def examples(
    tables: Tables, *, params: IntentDataParams, labels: LabelParams, as_of: datetime,
    coded: wrap_ups.Coded | None = None, left_out: dict[str, int] | None = None,
) -> pd.DataFrame:  # fmt: skip
    """One row for each matured label whose text is known, no parts yet, in order of id; `norm` is the compared text.

    left_out: where to count texts in which nothing is read, such as emoji alone.
    """
    import pandas as pd

    defined = known(tables, "intents", as_of=as_of)
    said = [known(tables, name, as_of=as_of) for name in ("verdicts", "segments", "predictions")]
    labelled = intent_labels(*said, params=labels, as_of=as_of, intents=defined, coded=coded)
    told = labelled.to_pandas(ignore_metadata=True)
    told = told[told["matured"].astype(bool)]
    of_contacts = _of_contacts(told[told["contact_id"].notna()], tables, max_chars=params.max_chars, as_of=as_of)
    others = told[~told["contact_id"].isin(of_contacts["contact_id"])]
    of_predictions = _of_predictions(others, said[2], max_chars=params.max_chars)
    found = pd.concat([part for part in (of_contacts, of_predictions) if len(part)] or [of_contacts], ignore_index=True)
    if left_out is not None:
        left_out["nothing_that_is_read"] = int((found["text"] == "").sum())
    found = found[found["text"] != ""].reset_index(drop=True)
    found["norm"] = [normalise(text) for text in found["text"]]
    return found.sort_values("example_id").reset_index(drop=True)


def _of_contacts(labelled: pd.DataFrame, tables: Tables, *, max_chars: int, as_of: datetime) -> pd.DataFrame:
    """Labels with the words that the customer had said when the contact was routed."""
    columns = ["contact_id", "revision", "channel", "language", "started_at", "known_at"]
    contacts = first_revisions(frame(known(tables, "contacts", as_of=as_of), columns)).drop(columns=["revision"])
    found = labelled.merge(contacts, on="contact_id", suffixes=("", "_contact"))
    turns = _turns(tables, set(found["contact_id"]), as_of=as_of)
    found = found.merge(turns, on="contact_id")
    found["text"] = [dialogue(said, max_chars=max_chars) for said in found["said"]]
    found["turns"] = [_compact(said) for said in found["said"]]
    found["language"] = _languages(found)
    found["happened_at"] = found["started_at"]
    found["known_at"] = found[["known_at", "known_at_contact", "known_at_turns"]].max(axis=1)
    found["example_id"] = found["contact_id"]
    return found[[*SCHEMA.names[:-1]]]


def unlabelled(
    tables: Tables, *, params: IntentDataParams, labels: LabelParams, as_of: datetime, most: int
) -> pd.DataFrame:
    """The latest contacts of which no person has said what they were about: contact_id, text, language, channel.

    most: rows at most, of the latest; each text once. Neither a wrap-up code nor a cluster that was accepted is a
    person's word on the text.
    """
    said = [known(tables, name, as_of=as_of) for name in ("verdicts", "segments", "predictions")]
    told = intent_labels(*said, params=labels, as_of=as_of).to_pandas(ignore_metadata=True)
    by_persons = ~told["label_source"].isin([wrap_ups.SOURCE, "clustered"])
    spoken = set(told.loc[by_persons, "contact_id"])
    columns = ["contact_id", "revision", "channel", "language", "started_at", "known_at"]
    found = first_revisions(frame(known(tables, "contacts", as_of=as_of), columns))
    found = found[~found["contact_id"].isin(spoken)].sort_values(["started_at", "contact_id"]).tail(2 * most)
    found = found.merge(_turns(tables, set(found["contact_id"]), as_of=as_of), on="contact_id")
    found["text"] = [dialogue(said, max_chars=params.max_chars) for said in found["said"]]
    found["language"] = _languages(found)
    found["norm"] = [normalise(text) for text in found["text"]]
    found = found[found["norm"] != ""].drop_duplicates("norm", keep="last").tail(most)
    return found[["contact_id", "text", "language", "channel"]].reset_index(drop=True)


def _languages(found: pd.DataFrame) -> pd.Series:
    """The language that the record names, or the text's: en, zh or other."""
    import pandas as pd

    pairs = zip(found["language"], found["text"], strict=True)
    told = [language if isinstance(language, str) else language_of(text) for language, text in pairs]
    return pd.Series([one if one in ("en", "zh") else "other" for one in told], index=found.index, dtype=object)


def _turns(tables: Tables, contacts: set[str], *, as_of: datetime) -> pd.DataFrame:
    """contact_id, said (list of {speaker, text} up to routing), known_at_turns."""
    import pandas as pd

    columns = ["contact_id", "turn", "speaker", "text", "spoken_at", "known_at"]
    spoken = frame(known(tables, "utterances", as_of=as_of), columns)
    spoken = spoken[spoken["contact_id"].isin(contacts)].sort_values(["contact_id", "turn"])
    spoken = spoken.merge(_routed_at(tables, as_of=as_of), on="contact_id", how="left")
    by_customer = spoken["speaker"] == "customer"
    first = spoken["turn"] == spoken["turn"].where(by_customer).groupby(spoken["contact_id"]).transform("min")
    # The first words stay even where the clocks of two systems put them after the routing.
    before = spoken["routed_at"].isna() | (spoken["spoken_at"] <= spoken["routed_at"]) | first
    spoken = spoken[before]
    pairs = zip(spoken["speaker"], spoken["text"], strict=True)
    spoken["said"] = pd.Series([{"speaker": speaker, "text": text} for speaker, text in pairs], index=spoken.index)
    return spoken.groupby("contact_id").agg(said=("said", list), known_at_turns=("known_at", "max")).reset_index()


def _routed_at(tables: Tables, *, as_of: datetime) -> pd.DataFrame:
    """When each contact was first offered to an agent."""
    columns = ["contact_id", "agent_id", "kind", "offered_at", "answered_at"]
    legs = frame(known(tables, "segments", as_of=as_of), columns)
    legs = legs[legs["agent_id"].notna() & (legs["kind"] == "agent")]
    routed = legs["offered_at"].fillna(legs["answered_at"])
    return legs.assign(routed_at=routed).groupby("contact_id")["routed_at"].min().reset_index()


def _of_predictions(labelled: pd.DataFrame, predictions: pa.Table, *, max_chars: int) -> pd.DataFrame:
    """Labels of contacts that nobody recorded, and of predictions without one, with the text that was asked about."""
    served = frame(predictions, ["prediction_id", "contact_id", "capability", "features", "happened_at", "known_at"])
    served = served[served["capability"] == "intent"].sort_values(["happened_at", "prediction_id"])
    first = served[served["contact_id"].notna()].drop_duplicates("contact_id").set_index("contact_id")["prediction_id"]
    asked_for = labelled["prediction_id"].fillna(labelled["contact_id"].map(first))
    served = served.drop(columns=["contact_id", "capability"])
    found = labelled.assign(prediction_id=asked_for).merge(served, on="prediction_id", suffixes=("", "_served"))
    asked = [_asked(features) for features in found["features"]]
    found["text"] = [dialogue(turns, max_chars=max_chars) for turns in asked]
    found["turns"] = [_compact(turns) for turns in asked]
    found["language"] = [language_of(text) for text in found["text"]]
    found["channel"] = None
    found["known_at"] = found[["known_at", "known_at_served"]].max(axis=1)
    found["example_id"] = "prediction:" + found["prediction_id"].astype("object")
    return found[[*SCHEMA.names[:-1]]]


def _asked(features: Any) -> list[dict[str, Any]]:
    """The turns in a prediction's features: `turns`, or `text` as one turn of the customer."""
    told = json.loads(features) if isinstance(features, str) else {}
    if isinstance(told.get("turns"), list):
        return [turn for turn in told["turns"] if isinstance(turn, dict) and {"speaker", "text"} <= set(turn)]
    return [{"speaker": "customer", "text": told["text"]}] if isinstance(told.get("text"), str) else []


def _compact(turns: list[dict[str, Any]]) -> str:
    return json.dumps(turns, ensure_ascii=False, separators=(",", ":"))


def _apart(
    told: pd.DataFrame, *, params: IntentDataParams, left_out: dict[str, int]
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Rows of intents, and a stable sample of those of no intent, each text once and none that an intent has too."""
    strange = told["label"].isin(list(params.out_of_scope))
    inside, outside = told[~strange].reset_index(drop=True), told[strange]
    kept = outside[~outside["norm"].isin(set(inside["norm"]))].drop_duplicates("norm")
    order = [parts.stable_share(name, salt="sample") for name in kept["example_id"]]
    kept = kept.assign(hashed=order, part=parts.OUTSIDE).sort_values("hashed").head(params.max_judge_rows)
    if len(outside):
        left_out["outside_every_intent_and_not_asked"] = len(outside) - len(kept)
    return inside, kept.drop(columns=["hashed"])


def _microseconds(told: pd.DataFrame) -> npt.NDArray[np.int64]:
    found: npt.NDArray[np.int64] = (seconds(told["happened_at"]).to_numpy() * US_PER_S).astype(np.int64)
    return found


def _parted(told: pd.DataFrame, *, params: IntentDataParams) -> pd.Series:
    """The part of each row: by the common cuts in time, by the text where there is none.

    An intent with too few rows to learn from before the common cut is split at cuts of its own times (or, among texts
    without time, gets back as many as it lacks, in the order of their hash): a new intent can be learned at all.
    """
    import pandas as pd

    share = {"judge_share": params.judge_share, "calibrate_share": params.calibrate_share}
    found = pd.Series("train", index=told.index, dtype=object)
    timed = ~told["timeless"].astype(bool)
    found[~timed] = parts.by_text(list(told.loc[~timed, "norm"]), **share)
    found[timed] = _by_time(told[timed], share=share)
    for _, rows in told.groupby("label"):
        _give_young(found, rows[~rows["timeless"].astype(bool)], share=share, least=params.min_train_rows)
        _give_few(found, rows[rows["timeless"].astype(bool)])
    return found


def _give_young(found: pd.Series, rows: pd.DataFrame, *, share: dict[str, float], least: int) -> None:
    if len(rows) and (found[rows.index] == "train").sum() < least:
        found[rows.index] = _by_time(rows, share=share)


def _by_time(rows: pd.DataFrame, *, share: dict[str, float]) -> parts.Strings:
    """Parts by cuts in the time of the rows that may judge: a file of codes makes the exam no other one."""
    times, sampled = _microseconds(rows), (rows["label_source"] != wrap_ups.SOURCE).to_numpy()
    if not sampled.any():
        return np.full(len(rows), "train", dtype=object)
    judge_from, calibrate_from = parts.cuts(times[sampled], **share)
    return parts.after_cuts(times, judge_from=judge_from, calibrate_from=calibrate_from)


def _give_few(found: pd.Series, rows: pd.DataFrame) -> None:
    """A label without any text to learn from gets its texts of the lowest hash, one in two of them."""
    if len(rows) and not (found[rows.index] == "train").any():
        ordered = sorted(rows.index, key=lambda i: parts.stable_share(str(rows.at[i, "norm"]), salt="few"))
        found[ordered[: (len(ordered) + 1) // 2]] = "train"


def _without_questions(told: pd.DataFrame, left_out: dict[str, int]) -> pd.DataFrame:
    """Labels that were asked for because the model was unsure, or doubted, teach; they are no sample to judge on."""
    kept = told["asked"].isna() | (told["part"] == "train")
    left_out["asked_for_and_so_no_sample"] = int((~kept).sum())
    return told[kept]


def _without_coded(told: pd.DataFrame, left_out: dict[str, int]) -> pd.DataFrame:
    """Wrap-up codes teach; what an agent clicked in haste neither calibrates nor judges."""
    kept = (told["label_source"] != wrap_ups.SOURCE) | (told["part"] == "train")
    left_out["coded_and_so_no_sample"] = int((~kept).sum())
    return told[kept]


def _with_learned_weights(told: pd.DataFrame, coded: wrap_ups.Coded) -> pd.DataFrame:
    """Codes whose weight is to be learned have it by the rows that teach, where enough of those were checked."""
    learned = set(coded.legs.loc[coded.legs["learned"], "code"])
    weights = wrap_ups.learned_weights(wrap_ups.agreement(told[told["part"] == "train"]))
    weights = weights[weights.index.isin(learned)]
    changed = (told["label_source"] == wrap_ups.SOURCE) & told["code"].isin(weights.index)
    return told.assign(weight=told["weight"].where(~changed, told["code"].map(weights)))


def _drop_later_repeats(told: pd.DataFrame, left_out: dict[str, int]) -> pd.DataFrame:
    """Each text stays in the part of its first occurrence; later ones in another part are left out.

    What was said before the cut and again after it is known already: to judge on it would flatter the model.
    """
    order = {name: place for place, name in enumerate(parts.PARTS)}
    ranked = told.assign(
        when=np.where(told["timeless"].astype(bool), -1.0, seconds(told["happened_at"])), order=told["part"].map(order)
    ).sort_values(["when", "order", "example_id"])
    home = ranked.groupby("norm")["part"].transform("first")
    kept = ranked[ranked["part"] == home]
    left_out["text_already_in_another_part"] = len(ranked) - len(kept)
    return kept.drop(columns=["when", "order"])


def _capped(told: pd.DataFrame, *, params: IntentDataParams, left_out: dict[str, int]) -> pd.DataFrame:
    """The most recent rows of each intent train, those that a person labelled before those with a wrap-up code only.

    Calibration and judgement take a stable sample of their parts, whatever the label's source.
    """
    import pandas as pd

    hashed = np.asarray([parts.stable_share(name, salt="sample") for name in told["example_id"]])
    told = told.assign(hashed=hashed, when=_microseconds(told), coded=told["label_source"] == wrap_ups.SOURCE)
    told = told.sort_values(["coded", "when", "hashed"], ascending=[True, False, True], kind="stable")
    train = told[told["part"] == "train"].groupby("label").head(params.max_rows)
    judge = told[told["part"] == "judge"].sort_values("hashed").head(params.max_judge_rows)
    calibrate = told[told["part"] == "calibrate"].sort_values("hashed").head(params.max_calibrate_rows)
    kept = pd.concat([train, calibrate, judge])
    left_out["above_the_cap"] = len(told) - len(kept)
    return kept.drop(columns=["hashed", "when", "coded"])


def _told_of(told: pd.DataFrame, left_out: dict[str, int]) -> dict[str, Any]:
    timed = told[~told["timeless"].astype(bool)]
    outside = told["part"] == parts.OUTSIDE
    named = (*parts.PARTS, parts.OUTSIDE) if outside.any() else parts.PARTS
    return {
        "rows": len(told),
        "parts": {part: int((told["part"] == part).sum()) for part in named},
        "intents": int(told.loc[~outside, "label"].nunique()),
        "languages": {str(k): int(v) for k, v in told["language"].value_counts().sort_index().items()},
        "label_sources": {str(k): int(v) for k, v in told["label_source"].value_counts().sort_index().items()},
        "left_out": left_out,
        "period": [f"{end:%FT%TZ}" for end in (timed["happened_at"].min(), timed["happened_at"].max()) if len(timed)],
        "timeless": bool(told["timeless"].any()),
    }
