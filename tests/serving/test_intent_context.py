"""A reply is understood from what was asked: over HTTP, by a model that was fitted on customers' wordings."""

from __future__ import annotations

import json
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from centre.simulation import world
from tests.serving.house import Client, House, IntentModel, slot
from tests.training import learned
from training import intent, loaders

INTENTS = ("card_lost", "card_declined", "password_reset", "loan_application")
EN = "Is it 1. a lost card or 2. a declined payment?"
ZH = "请问您是银行卡丢失还是刷卡被拒？"
VAGUE = {"en": "I have a problem with my card", "zh": "我的卡有问题"}
OWN = "No, I forgot my password and need to reset it"


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """A small model of four intents in two languages, with the hashing encoder."""
    at = tmp_path_factory.mktemp("context")
    told = [
        {"example_id": f"{name}-{language}-{place}", "text": text, "language": language, "channel": "chat",
         "label": name, "weight": 1.0, "part": "calibrate" if place % 5 == 0 else "train", "timeless": True}
        for name in INTENTS
        for language in ("en", "zh")
        for place, text in enumerate(world.wordings(name, language=language, count=40, seed=3))
    ]  # fmt: skip
    pq.write_table(pa.Table.from_pylist(told), at / "examples.parquet")
    params = learned.params(intent={"false_refusal": 0.01}).intent
    intent.fit(at, params=params, seed=7, threads=1, to=at / "payload", encoder_cache=None)
    return loaders.open_payload(at / "payload", threads=1)


def ask(client: Client, language: str, asked: str, reply: str) -> dict[str, Any]:
    turns = [
        {"speaker": "customer", "text": VAGUE[language]},
        {"speaker": "bot", "text": asked},
        {"speaker": "customer", "text": reply},
    ]
    told: dict[str, Any] = client.post("/v1/intent", {"contact_id": "c-1", "turns": turns, "channel": "chat"}).json()
    return told


@pytest.mark.parametrize(
    ("language", "asked", "reply", "intent_id"),
    [
        ("en", EN, "the second one", "card_declined"),
        ("en", EN, "yes, the second one", "card_declined"),
        ("en", EN, "1", "card_lost"),
        ("en", "Is it about a declined payment?", "yeah that's it", "card_declined"),
        ("en", EN, OWN, "password_reset"),
        ("zh", ZH, "后面那个", "card_declined"),
        ("zh", ZH, "是的，第二个", "card_declined"),
        ("zh", ZH, "选一", "card_lost"),
        ("zh", "您是想问刷卡被拒吗？", "对", "card_declined"),
        ("zh", ZH, "不是，我忘记密码了，登录不了", "password_reset"),
    ],
)
def test_a_reply_to_a_question_is_understood(
    house: House, client: Client, model: Any, language: str, asked: str, reply: str, intent_id: str
) -> None:
    house.shelf.put(slot("intent", model))

    told = ask(client, language, asked, reply)

    assert (told["source"], told["answer"]["language"], told["answer"]["intent"]) == ("model", language, intent_id)


@pytest.mark.parametrize(
    ("language", "asked", "reply", "text"),
    [
        ("en", EN, "the second one", "I have a problem with my card\na declined payment"),
        ("zh", ZH, "后面那个", "我的卡有问题\n刷卡被拒"),
        ("en", "Is it about a declined payment?", "no", "I have a problem with my card\nno"),
        ("en", EN, "I lost it at sea", "I have a problem with my card\nI lost it at sea"),
    ],
)
def test_the_model_reads_what_the_reply_refers_to_and_the_prediction_keeps_both(
    house: House, client: Client, language: str, asked: str, reply: str, text: str
) -> None:
    heard = IntentModel()
    house.shelf.put(slot("intent", heard))

    ask(client, language, asked, reply)
    client.http.__exit__()

    [event] = house.events("prediction.served")
    seen = json.loads(event.data["features"])
    assert heard.asked == [text]
    assert seen["text"] == text
    assert [turn["text"] for turn in seen["turns"]] == [VAGUE[language], asked, reply]
