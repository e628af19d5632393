"""The grain holds what real centres export: a Connect transfer, a re-opened Zendesk ticket, a Genesys conversation.

The records have the vendors' own shape, shortened; each mapping is what an adapter would do, and no more.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import pyarrow.compute as pc

from data_contracts.arrow import tabulate
from data_contracts.checking import Checked, check
from data_contracts.values import moment
from tests.data_contracts.samples import COMMON, NOW

Row = dict[str, Any]

AGENTS = frozenset({"ada", "bo", "chen", "361", "742", "u-ada", "u-bo"})


def accepted(dataset: str, rows: Iterable[Mapping[str, Any]], *, contacts: Iterable[str] = ()) -> Checked:
    common = {**COMMON, "happened_at": NOW, "known_at": NOW, "backfilled": True}
    table, faults = tabulate(dataset, [{**common, "event_id": f"{dataset}{n}", **row} for n, row in enumerate(rows)])
    assert faults == []
    found = check(dataset, table, parents={"contacts": set(contacts), "agents": AGENTS}, as_of=NOW)
    assert found.quarantined == ()
    assert found.parked.num_rows == 0
    return found


# Amazon Connect: a transfer is a contact record of its own, linked by PreviousContactId.

CONNECT: list[Row] = [
    {
        "ContactId": "7f1e-1",
        "InitialContactId": None,
        "PreviousContactId": None,
        "NextContactId": "7f1e-2",
        "Channel": "VOICE",
        "InitiationMethod": "INBOUND",
        "InitiationTimestamp": "2026-04-30T14:00:00Z",
        "DisconnectTimestamp": "2026-04-30T14:06:40Z",
        "TransferCompletedTimestamp": "2026-04-30T14:06:30Z",
        "Queue": {"Name": "billing", "EnqueueTimestamp": "2026-04-30T14:00:30Z", "Duration": 75},
        "Agent": {
            "Username": "ada",
            "ConnectedToAgentTimestamp": "2026-04-30T14:01:45Z",
            "AgentInteractionDuration": 265,
            "CustomerHoldDuration": 30,
            "AfterContactWorkDuration": 12,
        },
        "Attributes": {"menu": "card declined"},
    },
    {
        "ContactId": "7f1e-2",
        "InitialContactId": "7f1e-1",
        "PreviousContactId": "7f1e-1",
        "NextContactId": None,
        "Channel": "VOICE",
        "InitiationMethod": "TRANSFER",
        "InitiationTimestamp": "2026-04-30T14:06:20Z",
        "DisconnectTimestamp": "2026-04-30T14:11:00Z",
        "TransferCompletedTimestamp": None,
        "Queue": {"Name": "fraud", "EnqueueTimestamp": "2026-04-30T14:06:20Z", "Duration": 10},
        "Agent": {
            "Username": "bo",
            "ConnectedToAgentTimestamp": "2026-04-30T14:06:30Z",
            "AgentInteractionDuration": 270,
            "CustomerHoldDuration": 0,
            "AfterContactWorkDuration": 41,
        },
        "Attributes": {},
    },
]


def connect_contact(record: Row) -> Row:
    return {
        "contact_id": record["ContactId"],
        "revision": 0,
        "conversation_id": record["InitialContactId"] or record["ContactId"],
        "parent_contact_id": record["PreviousContactId"],
        "channel": record["Channel"].lower(),
        "direction": "outbound" if record["InitiationMethod"] == "OUTBOUND" else "inbound",
        "queue": record["Queue"]["Name"],
        "topic": record["Attributes"].get("menu"),
        "priority": 0,
        "started_at": record["InitiationTimestamp"],
        "ended_at": record["DisconnectTimestamp"],
        "outcome": "answered" if record["Agent"] else "abandoned",
        "reopened": False,
    }


def connect_segment(record: Row) -> Row:
    agent, queue = record["Agent"], record["Queue"]
    talk, hold, wrap_up = (
        agent[key] for key in ("AgentInteractionDuration", "CustomerHoldDuration", "AfterContactWorkDuration")
    )
    return {
        "segment_id": f"{record['ContactId']}/agent",
        "contact_id": record["ContactId"],
        "sequence": 0,
        "kind": "agent",
        "queue": queue["Name"],
        "agent_id": agent["Username"],
        "queued_at": queue["EnqueueTimestamp"],
        "answered_at": agent["ConnectedToAgentTimestamp"],
        "ended_at": record["DisconnectTimestamp"],
        "wait_s": queue["Duration"],
        "talk_s": talk,
        "hold_s": hold,
        "wrap_up_s": wrap_up,
        "handle_s": talk + hold + wrap_up,
        "outcome": "transferred" if record["TransferCompletedTimestamp"] else "answered",
        "transferred_to": "fraud" if record["NextContactId"] else None,
    }


def test_a_connect_transfer_is_two_contacts_of_one_conversation() -> None:
    contacts = accepted("contacts", map(connect_contact, CONNECT)).accepted
    segments = accepted("segments", map(connect_segment, CONNECT), contacts={"7f1e-1", "7f1e-2"}).accepted
    assert contacts["conversation_id"].to_pylist() == ["7f1e-1", "7f1e-1"]
    assert contacts["parent_contact_id"].to_pylist() == [None, "7f1e-1"]
    assert segments["outcome"].to_pylist() == ["transferred", "answered"]
    assert pc.sum(segments["handle_s"]).as_py() == 265 + 30 + 12 + 270 + 0 + 41


def test_a_connect_record_of_a_caller_who_hung_up_holds_too() -> None:
    record = {**CONNECT[0], "Agent": None, "NextContactId": None, "TransferCompletedTimestamp": None}
    leg = {
        "segment_id": "7f1e-1/queue",
        "contact_id": "7f1e-1",
        "sequence": 0,
        "kind": "queue",
        "queue": "billing",
        "queued_at": record["Queue"]["EnqueueTimestamp"],
        "ended_at": record["DisconnectTimestamp"],
        "wait_s": 370,
        "outcome": "abandoned",
    }
    assert accepted("contacts", [connect_contact(record)]).accepted["outcome"].to_pylist() == ["abandoned"]
    assert accepted("segments", [leg], contacts={"7f1e-1"}).accepted.num_rows == 1


# Zendesk: one ticket, solved, re-opened by the customer's answer, solved by another agent.

ZENDESK: Row = {
    "ticket": {
        "id": 35436,
        "created_at": "2026-04-20T09:00:00Z",
        "via": {"channel": "email"},
        "group": "refunds",
        "requester_id": 20978392,
        "priority": "high",
        "satisfaction_rating": {"id": 62, "score": "good", "comment": "谢谢"},
    },
    "changes": [
        {"at": "2026-04-20T11:00:00Z", "status": "solved", "assignee_id": 361},
        {"at": "2026-04-22T08:30:00Z", "status": "open", "assignee_id": 361},
        {"at": "2026-04-22T10:00:00Z", "status": "solved", "assignee_id": 742},
    ],
    "comments": [
        {"at": "2026-04-20T09:00:00Z", "author": "customer", "body": "I was charged twice."},
        {"at": "2026-04-20T11:00:00Z", "author": "agent", "body": "Refunded."},
        {"at": "2026-04-22T08:30:00Z", "author": "customer", "body": "Only once. 还差一笔。"},
    ],
}


def zendesk_contacts(export: Row) -> list[Row]:
    ticket, reopened, rows = export["ticket"], False, []
    for revision, change in enumerate(export["changes"]):
        reopened = reopened or (revision > 0 and change["status"] == "open")
        row = {
            "contact_id": str(ticket["id"]),
            "revision": revision,
            "conversation_id": str(ticket["id"]),
            "channel": "ticket",
            "direction": "inbound",
            "queue": ticket["group"],
            "customer_id": str(ticket["requester_id"]),
            "priority": {"low": -1, "normal": 0, "high": 1, "urgent": 2}[ticket["priority"]],
            "started_at": ticket["created_at"],
            "ended_at": change["at"],
            "outcome": "open" if change["status"] == "open" else "answered",
            "reopened": reopened,
        }
        rows.append({**row, "happened_at": change["at"], "known_at": change["at"]})
    return rows


def zendesk_segments(export: Row) -> list[Row]:
    solved = [change for change in export["changes"] if change["status"] == "solved"]
    return [
        {
            "segment_id": f"{export['ticket']['id']}/{sequence}",
            "contact_id": str(export["ticket"]["id"]),
            "sequence": sequence,
            "kind": "agent",
            "queue": export["ticket"]["group"],
            "agent_id": str(change["assignee_id"]),
            "ended_at": change["at"],
            "outcome": "completed" if sequence < len(solved) - 1 else "answered",
        }
        for sequence, change in enumerate(solved)
    ]


def test_a_reopened_zendesk_ticket_is_one_contact_in_three_revisions() -> None:
    contacts = accepted("contacts", zendesk_contacts(ZENDESK)).accepted
    assert set(contacts["contact_id"].to_pylist()) == {"35436"}
    assert contacts["outcome"].to_pylist() == ["answered", "open", "answered"]
    assert contacts["reopened"].to_pylist() == [False, True, True]
    assert contacts["known_at"].to_pylist() == [moment(change["at"]) for change in ZENDESK["changes"]]


def test_its_work_its_words_and_its_rating_hang_on_the_ticket() -> None:
    segments = accepted("segments", zendesk_segments(ZENDESK), contacts={"35436"}).accepted
    words = [
        {"contact_id": "35436", "turn": n, "speaker": told["author"], "text": told["body"], "spoken_at": told["at"]}
        for n, told in enumerate(ZENDESK["comments"])
    ]
    rating = ZENDESK["ticket"]["satisfaction_rating"]
    rated = {"rating_id": str(rating["id"]), "contact_id": "35436", "score": 5, "comment": rating["comment"]}
    assert segments["agent_id"].to_pylist() == ["361", "742"]
    assert accepted("utterances", words, contacts={"35436"}).accepted.num_rows == 3
    assert accepted("ratings", [rated]).accepted["comment"].to_pylist() == ["谢谢"]


# Genesys Cloud: one conversation, many participants and segments; an offer refused, a consult, two chats at once.

GENESYS: Row = {
    "conversationId": "9c0b",
    "conversationStart": "2026-04-30T09:00:00.000Z",
    "conversationEnd": "2026-04-30T09:12:00.000Z",
    "originatingDirection": "inbound",
    "participants": [
        {"purpose": "ivr", "id": "p1", "from": "09:00:00", "to": "09:00:40"},
        {"purpose": "acd", "id": "p2", "from": "09:00:40", "to": "09:02:00"},
        {"purpose": "agent", "id": "p3", "userId": "u-ada", "from": "09:01:00", "to": "09:01:15", "alertOnly": True},
        {
            "purpose": "agent",
            "id": "p4",
            "userId": "u-bo",
            "from": "09:01:50",
            "to": "09:12:00",
            "answered": "09:02:00",
            "metrics": {"tTalk": 480_000, "tHeld": 120_000, "tAcw": 33_500},
            "wrapUpCode": "resolved",
        },
        {"purpose": "agent", "id": "p5", "userId": "u-ada", "from": "09:05:00", "to": "09:07:00", "consult": True},
    ],
}


def genesys_segment(sequence: int, participant: Row) -> Row:
    kinds = {"ivr": "ivr", "acd": "queue", "agent": "agent"}
    metrics = participant.get("metrics")
    talk, hold, wrap_up = (metrics[key] / 1000 for key in ("tTalk", "tHeld", "tAcw")) if metrics else (None,) * 3
    return {
        "segment_id": f"9c0b/{participant['id']}",
        "contact_id": "9c0b",
        "sequence": sequence,
        "kind": "consult" if participant.get("consult") else kinds[participant["purpose"]],
        "queue": "support",
        "agent_id": participant.get("userId"),
        "offered_at": _at(participant["from"]) if participant["purpose"] == "agent" else None,
        "queued_at": _at(participant["from"]) if participant["purpose"] == "acd" else None,
        "answered_at": _at(participant["answered"]) if "answered" in participant else None,
        "ended_at": _at(participant["to"]),
        "talk_s": talk,
        "hold_s": hold,
        "wrap_up_s": wrap_up,
        "handle_s": talk + hold + wrap_up if talk is not None else None,
        "disposition_code": participant.get("wrapUpCode"),
        "outcome": "refused" if participant.get("alertOnly") else "answered" if metrics else "completed",
    }


def _at(time: str) -> str:
    return f"2026-04-30T{time}Z"


def test_a_genesys_conversation_is_one_contact_with_a_leg_for_each_participant() -> None:
    contact = {
        "contact_id": GENESYS["conversationId"],
        "revision": 0,
        "conversation_id": GENESYS["conversationId"],
        "channel": "voice",
        "direction": GENESYS["originatingDirection"],
        "queue": "support",
        "priority": 0,
        "started_at": GENESYS["conversationStart"],
        "ended_at": GENESYS["conversationEnd"],
        "outcome": "answered",
        "reopened": False,
    }
    legs = [genesys_segment(n, participant) for n, participant in enumerate(GENESYS["participants"])]
    assert accepted("contacts", [contact]).accepted.num_rows == 1
    segments = accepted("segments", legs, contacts={"9c0b"}).accepted
    assert segments["kind"].to_pylist() == ["ivr", "queue", "agent", "agent", "consult"]
    assert segments["outcome"].to_pylist() == ["completed", "completed", "refused", "answered", "completed"]
    assert segments["handle_s"].to_pylist()[3] == 633.5


def test_one_agent_may_hold_two_chats_at_once() -> None:
    chats = [
        {
            "segment_id": f"chat{n}",
            "contact_id": "9c0b",
            "sequence": n,
            "kind": "agent",
            "queue": "chat",
            "agent_id": "u-bo",
            "answered_at": _at(f"10:0{n}:00"),
            "ended_at": _at("10:30:00"),
            "outcome": "answered",
        }
        for n in range(2)
    ]
    states = [
        {"agent_id": "u-bo", "changed_at": _at(f"10:0{n}:00"), "state": "busy", "concurrent_count": n + 1}
        for n in range(2)
    ]
    assert accepted("segments", chats, contacts={"9c0b"}).accepted.num_rows == 2
    assert accepted("agent_states", states).accepted["concurrent_count"].to_pylist() == [1, 2]
