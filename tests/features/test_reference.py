"""A short reply is read as what it points at; whoever speaks for himself is heard in his own words."""

from __future__ import annotations

import csv
import time
from pathlib import Path

import pytest

from features.reference import resolved

NUMBERED = "Is it 1. a lost card or 2. a declined payment?"
THREE = "Which one is it: a lost card, a stolen card or a declined payment?"
EITHER = "Is it a lost card or a declined payment?"
CONFIRM = "Is it about a declined payment?"
编号 = "请问是1. 银行卡丢失 2. 刷卡被拒？"
三项 = "请问您要办理的是：挂失、补卡还是查询余额？"
还是 = "您是银行卡丢了，还是刷卡被拒了？"
确认 = "您是想查询刷卡被拒的原因吗？"

SECOND = [
    "the second one", "The second one.", "second", "2", "2.", "#2", "(2)", "two", "option 2", "Option two please",
    "number 2", "no. 2", "2nd", "the 2nd one pls", "yes, the second one", "yeah the second", "I think the second one",
    "it's the second one, thanks", "no, the second one", "not the first one, the second one", "the last one",
    "the latter", "umm the second one I guess", "２", "②", "the second option",
]  # fmt: skip
第二 = [
    "第二个", "第二个。", "第二个吧", "是第二个", "选二", "选2", "2", "二", "2号", "第2个", "我选第二个",
    "是的，第二个",
    "对，第二个", "后面那个", "后者", "最后一个", "嗯，应该是第二个", "不是第一个，是第二个", "第二项，谢谢", "选项二",
    "不，第二个", "第二个问题", "第二种",
]  # fmt: skip

YES_ZH = ["是的", "是", "对", "对的", "对对", "没错", "是的，谢谢", "对，就是这个", "嗯，是的", "就是这样", "正是"]
NO = ["no", "No.", "nope", "not really", "no thanks", "不是", "不对", "没有", "不是的", "不用了", "yes and no"]


@pytest.mark.parametrize("reply", SECOND)
@pytest.mark.parametrize("asked", [NUMBERED, EITHER])
def test_a_place_in_a_list_is_read_as_the_option(reply: str, asked: str) -> None:
    assert resolved(reply, asked=asked) == "a declined payment"


@pytest.mark.parametrize("reply", 第二)
def test_a_place_in_a_chinese_list_is_read_as_the_option(reply: str) -> None:
    assert resolved(reply, asked=编号) == "刷卡被拒"
    assert resolved(reply, asked=还是) == "刷卡被拒了"


@pytest.mark.parametrize(
    ("reply", "option"),
    [
        ("the first one", "a lost card"),
        ("1", "a lost card"),
        ("one", "a lost card"),
        ("option one", "a lost card"),
        ("the middle one", "the middle one"),
        ("2", "a stolen card"),
        ("the third", "a declined payment"),
        ("the last one please", "a declined payment"),
        ("the latter", "the latter"),
        ("4", "4"),
    ],
)
def test_of_three_options_each_is_found_and_no_fourth(reply: str, option: str) -> None:
    assert resolved(reply, asked=THREE) == option


@pytest.mark.parametrize(
    ("reply", "option"),
    [("第一个", "挂失"), ("二", "补卡"), ("最后一个", "查询余额"), ("后面那个", "后面那个"), ("第四个", "第四个")],
)
def test_of_three_chinese_options_each_is_found_and_no_fourth(reply: str, option: str) -> None:
    assert resolved(reply, asked=三项) == option


@pytest.mark.parametrize(
    "asked",
    [
        "Please choose: 1) a lost card 2) a declined payment",
        "Please choose:\n1. a lost card\n2. a declined payment\n3. something else",
        "Please choose (1) a lost card, (2) a declined payment. Just send the number.",
        "① a lost card ② a declined payment",
        "1️⃣ a lost card\n2️⃣ a declined payment",
        "Reply 1 for a lost card, 2 for a declined payment.",
        "Do you mean:\n- a lost card\n- a declined payment",
        "Thanks. Are you asking about a lost card or a declined payment? Please wait for the answer.",
        "Thanks, is it a lost card, or is it a declined payment?",
        "Which do you mean?\na lost card or a declined payment?",
        "Option 1: a lost card; Option 2: a declined payment",
    ],
)
def test_lists_are_found_in_the_forms_in_which_bots_write_them(asked: str) -> None:
    assert resolved("the second one", asked=asked) == "a declined payment"
    assert resolved("1", asked=asked) == "a lost card"


@pytest.mark.parametrize(
    "asked",
    [
        "请选择：1. 银行卡丢失；2. 刷卡被拒",
        "请选择：\n1、银行卡丢失\n2、刷卡被拒\n3、其他问题",
        "请问您遇到的是哪种情况？（1）银行卡丢失（2）刷卡被拒",
        "①银行卡丢失②刷卡被拒",
        "请选择1.银行卡丢失2.刷卡被拒",
        "一、银行卡丢失 二、刷卡被拒",
        "回复1银行卡丢失，回复2刷卡被拒",
        "您好，请问是银行卡丢失还是刷卡被拒？",
        "请问您遇到的问题是银行卡丢失，还是刷卡被拒呢？",
        "好的，您要咨询的是银行卡丢失或者刷卡被拒？请回复序号。",
    ],
)
def test_chinese_lists_are_found_in_the_forms_in_which_bots_write_them(asked: str) -> None:
    assert resolved("第二个", asked=asked) == "刷卡被拒"
    assert resolved("1", asked=asked) == "银行卡丢失"


@pytest.mark.parametrize("reply", ["b", "B", "option b", "Option B please", "yes, b", "(b)", "b)", "选B", "选项B"])
def test_a_letter_names_an_option_of_a_lettered_list_only(reply: str) -> None:
    assert resolved(reply, asked="Is it a) a lost card or b) a declined payment?") == "a declined payment"
    assert resolved(reply, asked=NUMBERED) == reply


@pytest.mark.parametrize(
    "reply",
    ["yes", "Yes!", "yeah that's it", "yep", "that's right", "correct", "exactly", "yes please", "it is", "Yes it is.",
     "yes, that's the one", "yes I think so", "sure", "yes, since yesterday", "Yes, that's my problem"],
)  # fmt: skip
def test_a_yes_is_read_as_what_it_affirms(reply: str) -> None:
    assert resolved(reply, asked=CONFIRM) == "a declined payment"


@pytest.mark.parametrize("reply", YES_ZH)
def test_a_chinese_yes_is_read_as_what_it_affirms(reply: str) -> None:
    assert resolved(reply, asked=确认) == "查询刷卡被拒的原因"


@pytest.mark.parametrize(
    ("asked", "affirmed"),
    [
        ("Has your payment been declined?", "Has your payment been declined"),
        ("You want to block your card, is that right?", "You want to block your card"),
        (
            "I understand that your payment was declined. Is that correct?",
            "I understand that your payment was declined",
        ),
        ("So, a declined payment?", "a declined payment"),
        ("Do you want to close your account or not?", "close your account"),
        ("Was your payment declined? 1. Yes 2. No", "Was your payment declined"),
        ("Just to confirm, are you asking about a declined payment? Please answer yes or no.", "a declined payment"),
        ("您的卡被拒了，对吗？", "您的卡被拒了"),
        ("您的卡在商店被拒了。是这样吗？", "您的卡在商店被拒了"),
        ("是不是刷卡被拒了？", "刷卡被拒了"),
        ("需要我帮您挂失吗？", "需要我帮您挂失"),
    ],
)
def test_what_a_question_asks_to_confirm_is_found(asked: str, affirmed: str) -> None:
    assert resolved("yes" if asked.isascii() else "是的", asked=asked) == affirmed


def test_the_number_of_a_yes_is_a_yes_and_that_of_a_no_adds_nothing() -> None:
    asked = "Was your payment declined? 1. Yes 2. No"

    assert (resolved("1", asked=asked), resolved("2", asked=asked)) == ("Was your payment declined", "2")


@pytest.mark.parametrize("reply", NO)
@pytest.mark.parametrize("asked", [CONFIRM, 确认, EITHER, 还是])
def test_a_no_adds_nothing_of_what_it_denies(reply: str, asked: str) -> None:
    assert resolved(reply, asked=asked) == reply


@pytest.mark.parametrize(
    "reply", ["not the second one", "not 2", "不是第二个", "不要第二个", "neither", "都不是", "none of them"]
)
@pytest.mark.parametrize("asked", [NUMBERED, 编号])
def test_an_option_that_is_denied_is_not_added(reply: str, asked: str) -> None:
    assert resolved(reply, asked=asked) == reply


@pytest.mark.parametrize(
    "reply",
    [
        "I lost my wallet on the bus", "no, I want to close my account", "yes but I also need a new PIN",
        "second time I ask", "two payments were declined", "my second card", "first I lost my card, then it was used",
        "I don't know", "both", "1 or 2", "the first and the second", "hello", "ok", "a lost card", "2 days",
        "the last payment", "could you explain option 2?", "0", "7", "👍👍", "", "   ", "one moment", "the one I lost",
        "yes I can hold the line, I lost my card yesterday", "A", "第二张卡丢了", "我的卡丢了", "不知道", "两个都是",
        "好的", "第二次打电话了", "是我的卡被偷了", "等一下", "2张卡", "1和2",
    ],
)  # fmt: skip
@pytest.mark.parametrize("asked", [NUMBERED, 编号])
def test_a_reply_in_own_words_stays_as_it_is(reply: str, asked: str) -> None:
    assert resolved(reply, asked=asked) == reply


@pytest.mark.parametrize(
    "asked",
    [
        "", "Hello!", "How can I help you?", "What is your card number?", "Is there anything else?", "Can you hold?",
        "Are you still there?", "Did that help?", "Shall I connect you to a colleague?", "May I have your name?",
        "Have you tried the app?", "Could you tell me what happened?", EITHER, NUMBERED, "Is that right?", "Really?",
        "Thank you. I am connecting you to a colleague.", "Is it a lost card? Something else? What else can I do?",
        "您好，请问有什么可以帮您的吗？", "还有其他问题吗？", "您现在方便吗？", "请问您要办什么？", "需要转人工吗？",
        "请稍等。", "我还是建议您去网点。", 编号, 还是,
    ],
)  # fmt: skip
def test_a_yes_to_what_cannot_be_affirmed_stays_a_yes(asked: str) -> None:
    assert resolved("yes", asked=asked) == "yes"
    assert resolved("是的", asked=asked) == "是的"


@pytest.mark.parametrize(
    "asked",
    [
        "", "Is your card lost?", "How many cards do you have?", "Do you have two or three cards?",
        "It costs 1.5 or 2.5.",
        "Your payments of $1.20 and $2.30 were declined.", "Please call before 10:30 or after 2:00.", "1. a lost card",
        "Is your first card or your second card lost?", "What time, please?", "More or less, yes.", "您有几张卡？",
        "您有两张还是三张卡？", "我还是建议您去网点。", "2. this 3. that",
    ],
)  # fmt: skip
def test_a_number_without_a_list_stays_a_number(asked: str) -> None:
    assert resolved("2", asked=asked) == "2"
    assert resolved("第二个", asked=asked) == "第二个"


@pytest.mark.parametrize("reply", ["3", "the last one", "the third one"])
def test_something_else_is_no_evidence_of_anything(reply: str) -> None:
    assert resolved(reply, asked="Is it 1. a lost card, 2. a stolen card or 3. something else?") == reply


def test_real_customers_who_state_a_matter_are_heard_in_their_own_words(real_data: Path) -> None:
    """Texts of three public files, as if they answered a question: only what is labelled a yes may be read as one."""
    files = [real_data / "intent" / name / "train.csv" for name in ("banking77", "clinc150", "smp2017_zh")]
    texts = [row for path in files if path.is_file() for row in csv.DictReader(path.open(encoding="utf-8"))]
    if not texts:
        pytest.skip("no intent files")

    read = [
        row
        for row in texts
        for asked in (CONFIRM, THREE, 确认, 三项)
        if resolved(row["text"], asked=asked) != row["text"]
    ]

    assert {row["label"] for row in read} <= {"yes"}


def test_of_two_questions_the_last_counts() -> None:
    assert resolved("yes", asked="Is your card lost? Or was your payment declined?") == "Or was your payment declined"


def test_a_hostile_turn_is_read_quickly() -> None:
    turns = [
        "1. " * 1300,
        "or " * 1300,
        "是" * 4000,
        "," * 4000,
        "?" * 4000,
        "是还是" * 1300,
        " you want" * 400 + "?",
        "\n-" * 2000,
    ]
    replies = ["那就" * 30, "是的" * 30, "no " * 20, "2" * 60, "最后" * 30, "的了" * 30, "嗯" * 60]

    began = time.perf_counter()
    for asked in turns:
        for reply in [*replies, "yes", "the second one"]:
            resolved(reply, asked=asked)

    assert (time.perf_counter() - began) / (len(turns) * len(replies)) < 0.02
