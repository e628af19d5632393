"""Whatever is sent, nothing answers 500 and every refusal is a problem document."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from centre.clock import FixedClock
from tests.serving import house as houses
from tests.serving.house import Client, IntentModel, slot

PATHS = ["/v1/intent", "/v1/route", "/v1/events", "/v1/feedback", "/v1/retrainings"]
ROLE = {"/v1/retrainings": "engineer"}
FUZZ = settings(
    max_examples=40, deadline=None, suppress_health_check=list(HealthCheck), database=None, derandomize=True
)

ODD = ["\ud800", "\x00", "\u202e", "x" * 5000, "2026-13-01"]
TEXT = st.text(alphabet=st.characters(), max_size=20) | st.sampled_from(ODD)
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | TEXT,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXT, inner, max_size=4),
    max_leaves=10,
)
NAMES = [
    "contact_id", "turns", "speaker", "text", "language", "channel", "attempt", "queue", "agents", "agent_id", "state",
    "idle_s", "id", "source", "type", "time", "data", "specversion", "subject", "knownat", "backfilled", "verdict",
    "prediction_id", "capability", "instead", "at", "feedback_id", "family", "reason", "set", "seed", "as_of",
]  # fmt: skip
GOOD: dict[str, Any] = {
    "/v1/intent": {"contact_id": "c", "turns": [{"speaker": "customer", "text": "hi"}], "language": "en"},
    "/v1/route": {"contact_id": "c", "attempt": 0, "queue": "q", "channel": "chat", "queued_at": "2026-05-01T00:00:00Z",
                  "agents": [{"agent_id": "a", "state": "available", "idle_s": 1.0, "skills": ["q"]}]},
    "/v1/events": {"specversion": "1.0", "id": "1", "source": "crm", "type": "customer.rated",
                   "time": "2026-04-30T09:00:00Z", "data": {"rating_id": "r", "contact_id": "c", "score": 5}},
    "/v1/feedback": {"contact_id": "c", "capability": "intent", "verdict": "labelled", "instead": "x"},
    "/v1/retrainings": {"family": "intent", "reason": "because", "set": ["a.b=1"]},
}  # fmt: skip


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Client]:
    home: Path = tmp_path_factory.mktemp("hostile")
    house = houses.make(home, FixedClock(datetime(2026, 5, 1, tzinfo=UTC)))
    house.shelf.put(slot("intent", IntentModel()))
    with house.open() as opened:
        yield opened


def _send(client: Client, path: str, body: bytes) -> Any:
    answer = client.post(path, body, role=ROLE.get(path, "service"))
    assert answer.status_code < 500, (path, body[:300], answer.text)
    if answer.status_code >= 400:
        assert answer.headers["content-type"] == "application/problem+json"
        assert answer.json()["status"] == answer.status_code
    return answer


def _json(value: Any) -> bytes:
    return json.dumps(value).encode()


def test_half_a_character_is_refused_and_a_whole_one_is_not(client: Client) -> None:
    def said(text: str) -> bytes:
        return b'{"contact_id": "c-half", "turns": [{"speaker": "customer", "text": "' + text.encode() + b'"}]}'

    half, whole = (client.post("/v1/intent", said(text)) for text in ("hi \\ud83d", "hi \\ud83d\\ude00"))

    assert (half.status_code, whole.status_code) == (400, 200)
    assert "half a character" in half.json()["detail"]


@pytest.mark.parametrize("path", PATHS)
@FUZZ
@given(body=st.binary(max_size=200))
def test_any_bytes(client: Client, path: str, body: bytes) -> None:
    _send(client, path, body)


@pytest.mark.parametrize("path", PATHS)
@FUZZ
@given(body=VALUES | st.dictionaries(st.sampled_from(NAMES), VALUES, max_size=8))
def test_any_json(client: Client, path: str, body: Any) -> None:
    _send(client, path, _json(body))


@pytest.mark.parametrize("path", PATHS)
@FUZZ
@given(data=st.data())
def test_a_good_body_with_one_thing_wrong(client: Client, path: str, data: st.DataObject) -> None:
    body = json.loads(json.dumps(GOOD[path]))
    places = list(_places(body))
    holder, key = data.draw(st.sampled_from(places))
    holder[key] = data.draw(VALUES)

    _send(client, path, _json(body))


@pytest.mark.parametrize("path", PATHS)
def test_the_good_bodies_are_good(client: Client, path: str) -> None:
    fresh = {name: "fresh" for name in ("contact_id", "id") if name in GOOD[path]}

    assert _send(client, path, _json(GOOD[path] | fresh)).status_code < 300


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("body", [b"x" * 1_048_577, b'{"a": "' + b"x" * 1_048_576, b"\xff" * 99, b"[" * 999_999])
def test_too_much_and_not_text(client: Client, path: str, body: bytes) -> None:
    assert _send(client, path, body).status_code in (400, 413, 422)


@FUZZ
@given(name=st.text(alphabet=st.characters(exclude_categories=["Cs"]), min_size=1, max_size=200))
def test_any_name_in_a_path_or_question(client: Client, name: str) -> None:
    from urllib.parse import quote

    for path in (f"/v1/predictions/{quote(name, safe='')}/trace", f"/v1/retrainings/{quote(name, safe='')}"):
        assert client.get(path).status_code < 500
    assert client.http.get("/v1/forecast", params={"queue": name, "from": name, "to": name}).status_code < 500
    assert client.http.get(f"/sign-in?code={quote(name, safe='')}&lang={quote(name, safe='')}").status_code < 500


def _places(value: Any) -> Iterator[tuple[Any, Any]]:
    """Every place of a JSON value that can be replaced: its holder and key."""
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, told in list(inner):
        yield value, key
        yield from _places(told)
