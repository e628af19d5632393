"""People: what a token, a code and a session open, and what closes them."""

from __future__ import annotations

import sqlite3
import threading
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from centre import credentials
from centre.clock import FixedClock
from centre.credentials import fingerprint, fresh_secret, hashed
from centre.people import INVITATION, ROLES, People, Person, require
from data_contracts.errors import InputError, NotAllowed, NotFound, NotSignedIn, StateConflict

NOW = FixedClock(datetime(2026, 5, 1, tzinfo=UTC))


@pytest.fixture
def people(tmp_path: Path) -> People:
    """A workspace with an engineer, Ada, and nobody else."""
    people = People(tmp_path / "people.sqlite", session_hours=12)
    people.add("Ada", roles=["engineer"], by="setup", clock=NOW)
    return people


def test_no_secret_begins_like_an_option_of_a_command(monkeypatch: pytest.MonkeyPatch) -> None:
    drawn = iter(["-j3bZ", "--json", "k-4"])
    monkeypatch.setattr(credentials.secrets, "token_urlsafe", lambda _: next(drawn))

    assert fresh_secret() == "k-4"


def test_a_token_opens_the_door_to_its_person_and_roles(people: People) -> None:
    token = people.add("Robin", roles=["reviewer", "viewer"], by="Ada", clock=NOW)

    assert people.authenticate(token) == Person("Robin", frozenset({"reviewer", "viewer"}))


@pytest.mark.parametrize("wrong", ["", "x", "\ud83d", "令牌", "a" * 100_000])
def test_another_text_opens_nothing(people: People, clock: FixedClock, wrong: str) -> None:
    assert people.authenticate(wrong) is None
    assert people.session(wrong, clock=clock) is None


def test_a_token_with_one_letter_changed_opens_nothing(people: People) -> None:
    token = people.add("Robin", roles=["reviewer"], by="Ada", clock=NOW)
    changed = ("A" if token[0] != "A" else "B") + token[1:]

    assert people.authenticate(changed) is None
    assert people.authenticate(token[:-1]) is None


def test_no_secret_is_stored_and_the_file_is_its_owners_only(people: People, tmp_path: Path, clock: FixedClock) -> None:
    token = people.add("Robin", roles=["reviewer"], by="Ada", clock=NOW)
    code = people.invite("Robin", clock=clock)
    _, session = people.redeem(people.invite("Robin", clock=clock), clock=clock)

    content = b"".join(path.read_bytes() for path in tmp_path.iterdir())
    assert b"Robin" in content
    assert not any(secret.encode() in content for secret in (token, code, session))
    assert (tmp_path / "people.sqlite").stat().st_mode & 0o077 == 0


def test_tokens_have_256_random_bits_and_are_all_different(people: People) -> None:
    tokens = {people.rotate("Ada") for _ in range(20)}

    assert len(tokens) == 20
    assert min(map(len, tokens)) >= 43  # 32 bytes in base 64


def test_a_name_can_be_taken_once(people: People) -> None:
    with pytest.raises(StateConflict, match="taken"):
        people.add(" Ada ", roles=["viewer"], by="Ada", clock=NOW)


@pytest.mark.parametrize("name", ["", "   ", "a" * 81, "two\nlines", "nul\0"])
def test_a_name_that_cannot_be_written_down_is_refused(people: People, name: str) -> None:
    with pytest.raises(InputError, match="name"):
        people.add(name, roles=["viewer"], by="Ada", clock=NOW)


@pytest.mark.parametrize("roles", [[], ["admin"], ["viewer", "Reviewer"]])
def test_an_unknown_role_or_none_is_refused_with_the_known_ones(people: People, roles: list[str]) -> None:
    with pytest.raises(InputError) as refused:
        people.add("Robin", roles=roles, by="Ada", clock=NOW)

    assert all(role in str(refused.value) for role in ROLES)


def test_the_list_shows_who_added_whom_and_no_secret(people: People) -> None:
    people.add("罗宾", roles=["agent"], by="Ada", clock=NOW)

    assert [(one.name, one.added_by, one.disabled) for one in people.list()] == [
        ("Ada", "setup", False),
        ("罗宾", "Ada", False),
    ]


def test_a_code_signs_in_once(people: People, clock: FixedClock) -> None:
    code = people.invite("Ada", clock=clock)

    person, session = people.redeem(code, clock=clock)

    assert person == people.session(session, clock=clock) == Person("Ada", frozenset({"engineer"}))
    with pytest.raises(NotSignedIn, match="unused"):
        people.redeem(code, clock=clock)


def test_a_code_dies_at_its_minute_and_not_before(people: People, clock: FixedClock) -> None:
    early, late = (people.invite("Ada", clock=clock, minutes=15) for _ in range(2))

    clock.advance(timedelta(minutes=15) - timedelta(microseconds=1))
    people.redeem(early, clock=clock)
    clock.advance(timedelta(microseconds=1))
    with pytest.raises(NotSignedIn):
        people.redeem(late, clock=clock)


def test_two_who_redeem_one_code_at_once_get_one_session(people: People, clock: FixedClock) -> None:
    code = people.invite("Ada", clock=clock)
    outcomes: list[str] = []

    def redeem() -> None:
        try:
            people.redeem(code, clock=clock)
            outcomes.append("in")
        except NotSignedIn:
            outcomes.append("out")

    threads = [threading.Thread(target=redeem) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert sorted(outcomes) == ["in", *["out"] * 7]


def test_a_session_ends_after_its_hours(people: People, clock: FixedClock) -> None:
    _, session = people.redeem(people.invite("Ada", clock=clock), clock=clock)

    clock.advance(timedelta(hours=12) - timedelta(seconds=1))
    assert people.session(session, clock=clock) is not None
    clock.advance(timedelta(seconds=1))
    assert people.session(session, clock=clock) is None


def test_signing_out_ends_one_session_and_no_other(people: People, clock: FixedClock) -> None:
    one, other = (people.redeem(people.invite("Ada", clock=clock), clock=clock)[1] for _ in range(2))

    people.sign_out(one)
    people.sign_out("unknown")

    assert people.session(one, clock=clock) is None
    assert people.session(other, clock=clock) is not None


def test_a_token_is_no_session_and_a_session_no_token(people: People, clock: FixedClock) -> None:
    token = people.rotate("Ada")
    _, session = people.redeem(people.invite("Ada", clock=clock), clock=clock)

    assert people.session(token, clock=clock) is None
    assert people.authenticate(session) is None


def test_rotation_ends_the_old_token_sessions_and_codes(people: People, clock: FixedClock) -> None:
    old = people.add("Robin", roles=["reviewer"], by="Ada", clock=NOW)
    _, session = people.redeem(people.invite("Robin", clock=clock), clock=clock)
    code = people.invite("Robin", clock=clock)

    new = people.rotate("Robin")

    assert people.authenticate(new) is not None
    assert people.authenticate(old) is None
    assert people.session(session, clock=clock) is None
    with pytest.raises(NotSignedIn):
        people.redeem(code, clock=clock)


def test_disabling_closes_every_door_at_once(people: People, clock: FixedClock) -> None:
    token = people.add("Robin", roles=["viewer"], by="Ada", clock=NOW)
    _, session = people.redeem(people.invite("Robin", clock=clock), clock=clock)
    code = people.invite("Robin", clock=clock)

    people.disable("Robin")
    people.disable("Robin")

    assert people.authenticate(token) is None
    assert people.session(session, clock=clock) is None
    with pytest.raises(NotSignedIn):
        people.redeem(code, clock=clock)
    with pytest.raises(StateConflict, match="disabled"):
        people.invite("Robin", clock=clock)
    with pytest.raises(StateConflict, match="disabled"):
        people.rotate("Robin")


def test_enabling_gives_a_new_token_and_the_old_stays_dead(people: People) -> None:
    old = people.add("Robin", roles=["viewer"], by="Ada", clock=NOW)
    people.disable("Robin")

    new = people.enable("Robin", by="Ada", clock=NOW)

    assert people.authenticate(old) is None
    assert people.authenticate(new) == Person("Robin", frozenset({"viewer"}))


def test_the_last_reviewer_cannot_be_lost_by_accident(people: People) -> None:
    people.add("Robin", roles=["reviewer"], by="Ada", clock=NOW)
    people.add("Kim", roles=["reviewer", "viewer"], by="Ada", clock=NOW)
    people.disable("Robin")

    with pytest.raises(StateConflict, match="last active reviewer"):
        people.disable("Kim")
    assert [one.name for one in people.list() if one.disabled] == ["Robin"]

    people.disable("Kim", even_the_last=True)
    assert {one.name for one in people.list() if one.disabled} == {"Robin", "Kim"}


def test_the_last_engineer_cannot_be_lost_by_accident_either(people: People) -> None:
    with pytest.raises(StateConflict, match="last active engineer"):
        people.disable("Ada")

    people.add("Grace", roles=["engineer"], by="Ada", clock=NOW)
    people.disable("Ada")


def test_an_invitation_gives_a_token_that_nobody_saw_before_once(people: People) -> None:
    code = people.admit("Robin", roles=["reviewer"], by="Ada", clock=NOW)

    before = people.authenticate(code)
    person, token = people.accept(code, clock=NOW)

    assert before is None
    assert people.authenticate(token) == person == Person("Robin", frozenset({"reviewer"}))
    with pytest.raises(NotSignedIn, match="somebody else did"):
        people.accept(code, clock=NOW)


def test_an_invitation_dies_after_its_days_and_not_before(people: People, clock: FixedClock) -> None:
    early = people.admit("Robin", roles=["reviewer"], by="Ada", clock=clock)
    late = people.admit("Kim", roles=["reviewer"], by="Ada", clock=clock)

    clock.advance(INVITATION - timedelta(microseconds=1))
    people.accept(early, clock=clock)
    clock.advance(timedelta(microseconds=1))
    with pytest.raises(NotSignedIn):
        people.accept(late, clock=clock)


def test_who_did_not_take_up_an_invitation_is_invited_again_and_the_first_is_worth_nothing(people: People) -> None:
    first = people.admit("Robin", roles=["reviewer"], by="Ada", clock=NOW)
    second = people.admit("Robin", roles=["engineer"], by="Kim", clock=NOW)

    with pytest.raises(NotSignedIn):
        people.accept(first, clock=NOW)
    assert people.accept(second, clock=NOW)[0].roles == {"engineer"}
    with pytest.raises(StateConflict, match="taken"):
        people.admit("Robin", roles=["reviewer"], by="Ada", clock=NOW)


def test_an_invitation_is_no_sign_in_code_and_the_reverse(people: People) -> None:
    invitation, code = people.admit("Robin", roles=["viewer"], by="Ada", clock=NOW), people.invite("Ada", clock=NOW)

    assert (people.is_invitation(invitation), people.is_invitation(code)) == (True, False)
    for call, wrong in ((people.redeem, invitation), (people.accept, code)):
        with pytest.raises(NotSignedIn):
            call(wrong, clock=NOW)


def test_a_disabled_person_s_invitation_ends(people: People) -> None:
    code = people.admit("Robin", roles=["viewer"], by="Ada", clock=NOW)
    people.disable("Robin")

    with pytest.raises(NotSignedIn):
        people.accept(code, clock=NOW)


def test_every_admission_is_kept_with_who_and_when(people: People, clock: FixedClock) -> None:
    people.add("Robin", roles=["viewer"], by="Ada", clock=clock)
    clock.advance(timedelta(days=1))
    people.enable("Robin", by="Kim", clock=clock)

    told = [one for one in people.admissions() if one.name == "Robin"]

    assert [(one.by, one.at) for one in told] == [("Ada", clock.now() - timedelta(days=1)), ("Kim", clock.now())]


def test_people_of_before_admissions_were_kept_are_read(tmp_path: Path) -> None:
    people = People(tmp_path / "people.sqlite")
    token = people.add("Ada", roles=["engineer"], by="setup", clock=NOW)
    with sqlite3.connect(tmp_path / "people.sqlite") as connection:
        connection.execute("DROP TABLE admissions")
        connection.execute("DROP TABLE invitations")

    again = People(tmp_path / "people.sqlite")

    assert again.authenticate(token) is not None
    assert again.admissions() == ()


def test_who_is_unknown_is_not_found(people: People, clock: FixedClock) -> None:
    for call in (
        people.disable,
        people.rotate,
        lambda name: people.enable(name, by="Ada", clock=NOW),
        lambda name: people.invite(name, clock=clock),
    ):
        with pytest.raises(NotFound, match="Nobody"):
            call("Nobody")


def test_an_invitation_of_no_time_is_refused(people: People, clock: FixedClock) -> None:
    with pytest.raises(InputError, match="minutes"):
        people.invite("Ada", clock=clock, minutes=0)


def test_expired_codes_and_sessions_are_cleared_away(people: People, tmp_path: Path, clock: FixedClock) -> None:
    for _ in range(3):
        people.redeem(people.invite("Ada", clock=clock), clock=clock)
        people.invite("Ada", clock=clock)
    clock.advance(timedelta(days=1))

    people.redeem(people.invite("Ada", clock=clock), clock=clock)

    with sqlite3.connect(tmp_path / "people.sqlite") as connection:
        counts = connection.execute("SELECT (SELECT count(*) FROM codes), (SELECT count(*) FROM sessions)").fetchone()
    assert counts == (0, 1)


def test_people_are_still_there_when_the_file_is_opened_again(people: People, tmp_path: Path) -> None:
    token = people.rotate("Ada")

    assert People(tmp_path / "people.sqlite").authenticate(token) == Person("Ada", frozenset({"engineer"}))


def test_a_token_and_the_sessions_made_by_it_are_one_credential_that_tells_no_secret(
    people: People, clock: FixedClock
) -> None:
    token = people.rotate("Ada")
    other = people.add("Robin", roles=["reviewer"], by="Ada", clock=clock)
    redeemed, session = people.redeem(people.invite("Ada", clock=clock), clock=clock)

    by_token, by_session, robin = (
        people.authenticate(token),
        people.session(session, clock=clock),
        people.authenticate(other),
    )
    assert by_token is not None
    assert by_session is not None
    assert robin is not None
    assert by_token.credential == redeemed.credential == by_session.credential == fingerprint(hashed(token))
    assert robin.credential != by_token.credential
    assert token not in by_token.credential


def test_a_new_token_is_another_credential_and_no_session_of_the_old_one_goes_on(
    people: People, clock: FixedClock
) -> None:
    before = people.authenticate(people.rotate("Ada"))
    _, session = people.redeem(people.invite("Ada", clock=clock), clock=clock)

    after = people.authenticate(people.rotate("Ada"))

    assert before is not None
    assert after is not None
    assert before.credential != after.credential
    assert people.session(session, clock=clock) is None


def test_who_takes_up_an_invitation_is_known_by_the_token_that_they_got(people: People, clock: FixedClock) -> None:
    code = people.admit("Robin", roles=["reviewer"], by="Ada", clock=clock)

    person, token = people.accept(code, clock=clock)

    assert person.credential == fingerprint(hashed(token))


def test_require_lets_through_who_holds_one_of_the_roles() -> None:
    robin = Person("Robin", frozenset({"reviewer", "viewer"}))

    assert require(robin, "engineer", "reviewer") is robin
    with pytest.raises(NotAllowed, match="one of the roles engineer, came reviewer, viewer"):
        require(robin, "engineer")
    with pytest.raises(NotSignedIn):
        require(None, "viewer")
