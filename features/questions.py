"""What a bot or an agent has asked: options to choose from, or something to say yes to. English and Chinese.

Rules over the words of one turn, no model. They are made to miss rather than to err: what is not clearly a list, an
"A or B" or a question of yes or no is no question here, and then a reply to it stays as it was given.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from features.wording import clean

# Of a longer turn, the end: a question stands last.
MOST_READ: Final = 600
# A longer "option" is a paragraph that was not understood.
MOST_OPTION: Final = 120

# `clean` folds full-width marks (？ ： ， （ ） ；), so only the half-width ones, 。 and 、 are met here.
_CIRCLED = {ord("①") + place: f" {place + 1}. " for place in range(10)}
# A key's picture is a digit, its ring and a selector, and `clean` reads no pictures.
_KEYCAP = re.compile("(\\d)\ufe0f?\u20e3")
_HAN = "一二三四五六七八九十"
_LABEL = rf"(?:\b(?:option|choice)\s|选项)?\(?\[?(\d{{1,2}}|[a-hA-H]|[{_HAN}](?=、))"
_MARKS = (
    # 1. 1) (1) 1: 1、 a) 一、 1️⃣ Option 1: ; not 1.5, 10:30, $1.
    re.compile(rf"(?<![A-Za-z0-9.,$€£¥/+#-]){_LABEL}(?:[)\]]|[.:、](?!\d)|\s[-–—]\s)\s*", re.IGNORECASE),
    # press 1 for cards, 2 for loans
    re.compile(r"(?:\b(?:press|dial|type|enter|reply|say)\s+)?\b(\d)\s+(?:for|to)\s+", re.IGNORECASE),
    # 按1查余额，按2挂失; not 查余额请按1，挂失请按2
    re.compile(rf"(?:按|输入|回复|选)\s?(\d|[{_HAN}])\s?(?=[\u4e00-\u9fff])"),
)
_BULLET = re.compile(r"^[-•*·–]\s*(\S.*)$", re.MULTILINE)
_SENTENCE_ENDS = re.compile(r"(?<=[?!。])\s*|(?<=\.)\s+|\n+")
_ITEM_ENDS = re.compile(r"[?!。\n]|\.\s|\.$")
_LOOSE_END = re.compile(r"(?:[\s,;、/|.(\[]|\b(?:or|and)$|还是$|或者$|或是$|或$|和$)+$", re.IGNORECASE)

_COURTESY = re.compile(
    r"^(?:(?:ok|okay|thanks|thank you|sure|sorry|hi|hello|i see|got it|understood|alright|right|so|and"
    r"|(?:just )?to (?:be sure|confirm|check)|did i (?:understand|get) (?:you )?(?:right|correctly)"
    r"|好的|好|您好|你好|谢谢您?|明白了?|收到|抱歉|了解|那么?|(?:跟[您你])?确认一下)(?: there)?[,!.:\s]+)+",
    re.IGNORECASE,
)
_LEAD = re.compile(
    r"\b(?:is|was) (?:it|this|that)(?: (?:a question )?(?:about|regarding|to do with|for|because of|that))?\b"
    r"|\b(?:do|did) you (?:mean|want to|want|need to|need|wish to)\b(?: say)?"
    r"|\bare you (?:asking|calling|writing|contacting us|talking|looking)(?: about| for| to)?\b"
    r"|\bwould you like(?: help with| me to| to)?\b"
    r"|\b(?:is|was) your (?:question|problem|issue|request|enquiry|matter)(?: about| with| regarding)?\b"
    r"|\bis there a problem with\b|\bdo you have an? (?:question|problem|issue) (?:about|with)\b"
    r"|\bwhich (?:one |of these )?(?:is it|do you mean|do you need)\b[,:]?"
    r"|(?:请问)?[您你]?(?:说的|指的|问的|想问的|要办理?的|遇到的|要咨询的|咨询的)(?:情况|问题|业务)?(?:是不是|是否|是)"
    r"|(?:请问)?[您你](?:的意思)?(?:是不是|是否|是)(?:说|指|想要?|要|需要)?(?:问|咨询)?"
    r"|(?:请问)?[您你](?:想要?|要|需要)(?:问|咨询)?"
    r"|请问(?:是不是|是否|是)?|(?:^|(?<=[,。]))(?:是不是|是否|是)(?:想要?|要|需要)?",
    re.IGNORECASE,
)
_OR = re.compile(r",?\s+or\s+|,?\s*(?:还是|或者|或是)", re.IGNORECASE)
_ALTERNATIVE = re.compile(r",?\s+or\s+|,?\s*(?:还是|或者|或是)|、|[,;]\s*", re.IGNORECASE)
_OR_NOT = re.compile(r",?\s+or (?:not|no|isn't it)\b|还是(?:不是|没有|不)(?=[?\s]*$)", re.IGNORECASE)
_ASKS_ANYWAY = re.compile(r"(?:吗|吧|呢|(?<!什)么|对不对|是不是)$")
# Chinese asks "A or B" without these at the end; with them 还是 means "still".
_NO_CHOICE = re.compile(r"(?:吗|吧)$")
_OPEN = re.compile(
    r"\b(?:what|which|how|when|where|who|whom|whose|why)\b|什么|哪|怎么|怎样|多少|几|谁|为何|如何", re.IGNORECASE
)
_SOME_OTHER = re.compile(
    r"(?:(?:is it |are you |for |about )?(?:something|anything|someone|somebody) (?:else|different)|others?"
    r"|none(?: of (?:these|them|those|the above))?|neither|both|another (?:matter|question|issue|topic|problem)"
    r"|其[他它](?:的|问题|情况|业务|事项?)?|别的(?:问题|情况|业务|事)?|都不是|以上都不是|都有|都是)",
    re.IGNORECASE,
)
_COUNT = (
    r"(?:\d+|one|two|three|four|five|six|first|second|third|last)(?![a-z])"
    r"|第?[一两二三四五六][个张笔次项]|第[一二三四五六]"
)
_COUNTED = re.compile(rf"^(?:(?:your|the|about|for) )*(?:{_COUNT})|(?<![a-z])(?:{_COUNT})$", re.IGNORECASE)
# Said yes to, these tell nothing of the matter: they are about the conversation, the person or what was tried.
_PROCEDURE = re.compile(
    r"\b(?:anything|something|someone|still there|hold|wait|moment|call you back|recorded|agree|consent|satisfied"
    r"|account holder|on file|with you|to hand|at hand|handy|hear me|tried|try|helpful|"
    r"(?:connect|transfer|put) you|(?:speak|talk) (?:to|with)"
    r"|(?:that|this|it) (?:help|answer|work|ok|okay|all right|fine)"
    r"|tell (?:me|us)|(?:can|could|will|would) you (?!like)|(?:can|could|may|might) (?:i|we)|how (?:can|may))\b"
    r"|还有|其他|别的|补充|稍等|等一|在吗|方便|满意|解决了|帮到|可以帮|能帮|转接|转人工|人工|回电|提供|告诉|核实|身份"
    r"|本人(?:$|吗|办理|来电)"
    r"|同意|听得|试过",
    re.IGNORECASE,
)
_TAG_ALONE = re.compile(
    r"(?:and )?(?:is|was) (?:that|this|it) (?:right|correct|so|it|the case)|(?:am i )?(?:right|correct)"
    r"|did i (?:get|understand) (?:that|you) (?:right|correctly)|yes or no"
    r"|(?:这样)?(?:对吗|是吗|对吧|对不对|是不是|对么)|是这样吗",
    re.IGNORECASE,
)
_TAG_BEHIND = re.compile(
    r",\s*(?:is (?:that|this|it) (?:right|correct|so)|right|correct|yes|am i right|isn't it|aren't you|don't you"
    r"|is it|do you|are you)$|,?\s*(?:对吗|是吗|对吧|是吧|对不对|是不是|对么|是这样吗)$|(?:吗|吧|(?<!什)么|呢)$",
    re.IGNORECASE,
)
_SAYS_YES = re.compile(r"(?:yes|yeah|yep|correct|right|是的?|对的?|确认)", re.IGNORECASE)
_SAYS_NO = re.compile(r"(?:no|nope|不是?的?|不对|否|没有)", re.IGNORECASE)


@dataclass(frozen=True)
class Question:
    """What was asked. `options` in their order; `statement` is what a yes affirms, empty where a yes tells nothing."""

    options: tuple[str, ...] = ()
    marked: str = ""  # how the options are named: "1", "a", "-", or "" where they only stand in order
    statement: str = ""

    @property
    def affirmed(self) -> str:
        """What a yes says: of several options, unless one of them is that yes, nothing."""
        return self.statement if not self.options or any(map(_SAYS_YES.fullmatch, self.options)) else ""

    def option(self, place: int) -> str:
        """The option at a place (from 1; -1 is the last), or "" where there is none that says something.

        Of options that count something themselves ("two or three cards"), unless marked, no place is sure.
        """
        if not self.options or place == 0 or not -1 <= place <= len(self.options):
            return ""
        if not self.marked and any(_COUNTED.search(one) for one in self.options):
            return ""
        chosen = self.options[place - 1 if place > 0 else place]
        if _SAYS_YES.fullmatch(chosen):
            return self.statement
        return "" if _SOME_OTHER.fullmatch(chosen) or _SAYS_NO.fullmatch(chosen) else chosen


def read(text: str) -> Question:
    """The question that a turn asks, or one without options and statement. Of several, the last."""
    marked = _KEYCAP.sub(r"\1. ", text[-MOST_READ:].translate(_CIRCLED))
    told = "\n".join(clean(line) for line in marked.splitlines())
    for pattern in _MARKS:
        if listed := _listed(told, pattern):
            return listed
    bullets = tuple(_LOOSE_END.sub("", line) for line in _BULLET.findall(told))
    return Question(bullets, "-") if len(bullets) > 1 and _short(bullets) else _spoken(told)


def _listed(told: str, pattern: re.Pattern[str]) -> Question | None:
    """A list with marks that count from 1 or from a; the last one, if there are two."""
    run: list[re.Match[str]] = []
    for mark in pattern.finditer(told):
        place = _place(mark[1])
        if place == len(run) + 1:
            run.append(mark)
        elif place == 1:
            run = [mark]
    if len(run) < 2:
        return None
    ends = [mark.start() for mark in run[1:]] + [len(told)]
    options = tuple(_item(told[mark.end() : end]) for mark, end in zip(run, ends, strict=True))
    marked = "a" if run[0][1] in "aA" else "1"
    return Question(options, marked, _spoken(told[: run[0].start()]).statement) if _short(options) else None


def _place(label: str) -> int:
    if label.isdecimal():
        return int(label)
    return _HAN.index(label) + 1 if label in _HAN else ord(label.lower()) - ord("a") + 1


def _item(text: str) -> str:
    return _LOOSE_END.sub("", _ITEM_ENDS.split(text.strip(), maxsplit=1)[0]).strip()


def _short(options: tuple[str, ...]) -> bool:
    return all(0 < len(one) <= MOST_OPTION for one in options)


def _spoken(told: str) -> Question:
    """A question in a sentence: the last one asked."""
    sentences = [one.strip() for one in _SENTENCE_ENDS.split(told) if one.strip()]
    for place in range(len(sentences) - 1, -1, -1):
        asked = _COURTESY.sub("", sentences[place])
        body = asked.rstrip("?.! 。")
        if not (asked.endswith("?") or _ASKS_ANYWAY.search(body) or _LEAD.match(body)):
            continue
        body, decided = _OR_NOT.subn("", body)
        if not decided and _OR.search(body) and not _NO_CHOICE.search(body):
            return Question(_alternatives(body))
        return Question(statement=_statement(body, before=sentences[place - 1] if place else ""))
    return Question()


def _alternatives(body: str) -> tuple[str, ...]:
    """The parts of "A or B" and "A, B or C". Without words that lead up to them, commas could be anything: none."""
    first = _OR.search(body)
    asked_until = 0 if first is None else first.start()
    led = max((lead.end() for lead in _LEAD.finditer(body, 0, asked_until)), default=0)
    led = max(led, body.rfind(":", 0, asked_until) + 1)
    if not led and (_OPEN.match(body) or re.search(r"[,;]", _OR.sub(" ", body))):
        return ()
    parts = [_without_lead(part) for part in _ALTERNATIVE.split(body[led:])]
    options = tuple(part for part in parts if len(part) > 1)
    return options if len(options) > 1 and _short(options) else ()


def _without_lead(part: str) -> str:
    part = part.strip(" ,:")
    lead = _LEAD.match(part)
    return re.sub(r"呢$", "", part[lead.end() :] if lead else part).strip(" ,:")


def _statement(body: str, *, before: str) -> str:
    """What a yes affirms: the question without its lead and its tag, or what stood before a mere "is that right"."""
    if _TAG_ALONE.fullmatch(body):
        body = _COURTESY.sub("", before).rstrip("?.! 。")
    if not body or _PROCEDURE.search(body):
        return ""
    told, tagged = _TAG_BEHIND.subn("", body)
    lead = _LEAD.match(told)
    decides = tagged or (lead and (told.isascii() or "是不是" in lead[0] or "是否" in lead[0]))
    if _OPEN.match(told) or (_OPEN.search(told) and not decides):
        return ""
    told = _without_lead(told)
    least = 1 if lead or not told.isascii() else 2  # "Really?" states nothing
    return told if len(told.split()) >= least and len(told) <= MOST_OPTION else ""
