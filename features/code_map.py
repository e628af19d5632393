"""The file that says which intent each wrap-up code of a centre stands for: `data_contracts/wrap_up_codes.yaml`.

    weight: 0.5                     # of every code that names none; without it labels.weight_wrap_up
    scopes:
      - source: crm                 # source, queue, channel: where the codes hold; without any, everywhere
        queue: cards
        codes:
          CRD-LOST: card_lost
          CRD-GEN: {intent: card_declined, weight: 0.2}
          CRD-ABR: {intent: card_abroad, weight: learned}     # by how often agents' corrections agree
          OTHER: ignore             # says nothing of what the customer wanted

Codes are read as they are written: `017` and `NO` are no number and no truth value.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any, Literal
from unicodedata import normalize

from data_contracts.errors import InputError

if TYPE_CHECKING:
    from yaml import Node

# dvc.yaml declares this folder: a change of the file there makes the features anew.
FOLDER = "data_contracts"
IGNORE, LEARNED = "ignore", "learned"
SCOPES = ("source", "queue", "channel")
Weight = float | Literal["learned"] | None


@dataclass(frozen=True)
class Scope:
    """Where codes hold; None: everywhere."""

    source: str | None = None
    queue: str | None = None
    channel: str | None = None

    def holds(self, source: str, queue: str, channel: str | None) -> bool:
        """Whether a leg of this source, queue and channel lies in it."""
        pairs = zip((self.source, self.queue, self.channel), (source, queue, channel), strict=True)
        return all(own is None or own == came for own, came in pairs)

    @property
    def narrowness(self) -> tuple[int, bool, bool]:
        """The narrowest scope decides: of most conditions; of as many, one by queue, then one by channel."""
        conditions = sum(one is not None for one in (self.source, self.queue, self.channel))
        return conditions, self.queue is not None, self.channel is not None

    def __str__(self) -> str:
        told = ", ".join(f"{name} {value}" for name in SCOPES if (value := getattr(self, name)))
        return told or "everywhere"


@dataclass(frozen=True)
class Line:
    """What one code stands for in one scope. intent: None where the code is ignored. where: file and line."""

    code: str
    scope: Scope
    intent: str | None
    weight: Weight
    where: str

    @property
    def name(self) -> str:
        """The code with its scope: no two lines share it."""
        return self.code if self.scope == Scope() else f"{self.code} ({self.scope})"


@dataclass(frozen=True)
class CodeMap:
    """The whole file."""

    lines: tuple[Line, ...]

    def line(self, code: str, *, source: str, queue: str, channel: str | None) -> Line | None:
        """The line that decides for a leg, or None: the code is not mapped there."""
        held = [one for one in self.lines if one.code == code and one.scope.holds(source, queue, channel)]
        return max(held, key=lambda one: one.scope.narrowness, default=None)


def of_params(name: str | None, *, root: Path) -> CodeMap | None:
    """The file that `labels.wrap_up_codes` names, below `root` (the folder of params.yaml); None where it names none.

    Raises InputError for a file outside of `data_contracts`, of whose change DVC would not know, and as `load`.
    """
    if not name:
        return None
    parts = PurePosixPath(name).parts
    if parts[0] != FOLDER or ".." in parts:
        raise InputError("wrap-up codes lie where dvc.yaml looks for a change", expected=f"{FOLDER}/….yaml", came=name,
                         where="labels.wrap_up_codes", remedy=f"Move the file into {FOLDER}.")  # fmt: skip
    return load(root / name, shown=name)


def load(path: Path, *, shown: str = "") -> CodeMap:
    """Read a file. InputError names line and key of what cannot be read, is unknown, or is said twice in one scope."""
    import yaml

    shown = shown or str(path)
    try:
        root = yaml.compose(path.read_text(encoding="utf-8"), Loader=yaml.SafeLoader)
    except OSError as error:
        raise InputError("the file of wrap-up codes cannot be read", expected="a YAML file", where=shown,
                         came=error.strerror or str(error), remedy="See labels.wrap_up_codes.") from error  # fmt: skip
    except (UnicodeDecodeError, yaml.YAMLError) as error:
        mark = getattr(error, "problem_mark", None)
        where = f"{shown} line {mark.line + 1}" if mark else shown
        came = getattr(error, "problem", None) or str(error)
        raise InputError("the file of wrap-up codes cannot be read", expected="YAML", came=came, where=where) from error
    return CodeMap(tuple(_File(shown).lines(root)) if root is not None else ())


class _File:
    """Reads the nodes of one file, which know their lines."""

    def __init__(self, shown: str) -> None:
        self.shown = shown
        self.weight: Weight = None
        self.seen: dict[tuple[Scope, str], str] = {}

    def lines(self, root: Node) -> Iterator[Line]:
        parts = self._mapping(root, ("weight", "codes", "scopes"), of="the file")
        self.weight = self._weight(parts["weight"]) if "weight" in parts else None
        if "codes" in parts:
            yield from self._codes(parts["codes"], Scope())
        for section in self._list(parts["scopes"]) if "scopes" in parts else ():
            told = self._mapping(section, (*SCOPES, "codes"), of="a scope")
            if "codes" not in told:
                raise self._refused("a scope without codes", section, expected="codes", came=", ".join(told))
            scope = Scope(**{name: self._text(told[name], of=name) for name in SCOPES if name in told})
            yield from self._codes(told["codes"], scope)

    def _codes(self, node: Node, scope: Scope) -> Iterator[Line]:
        for key, value in self._pairs(node, of="codes"):
            code = self._text(key, of="a code")
            if first := self.seen.get((scope, code)):
                raise self._refused("a code is mapped twice in one scope", key, expected=f"{code} once ({scope})",
                                    came=f"again, after {first}", remedy="Take one of the two lines out.")  # fmt: skip
            self.seen[scope, code] = self._where(key)
            yield self._line(code, scope, key, value)

    def _line(self, code: str, scope: Scope, key: Node, value: Node) -> Line:
        weight = self.weight
        if _kind(value) == "mapping":
            told = self._mapping(value, ("intent", "weight"), of=f"code {code}")
            if "intent" not in told:
                raise self._refused("a code without an intent", value, expected=f"{code}: {{intent: …}}", came=code)
            weight = self._weight(told["weight"]) if "weight" in told else weight
            value = told["intent"]
        named = self._text(value, of=f"the intent of {code}")
        return Line(code, scope, None if named == IGNORE else named, weight, self._where(key))

    def _weight(self, node: Node) -> Weight:
        told = self._text(node, of="a weight")
        if told == LEARNED:
            return "learned"
        try:
            weight = float(told)
        except ValueError:
            weight = -1.0
        if not 0.0 <= weight <= 1.0:
            raise self._refused("not a weight", node, expected=f"0 to 1, or {LEARNED}", came=told)
        return weight

    def _mapping(self, node: Node, known: tuple[str, ...], *, of: str) -> dict[str, Node]:
        found: dict[str, Node] = {}
        for key, value in self._pairs(node, of=of):
            name = self._text(key, of="a key")
            if name not in known or name in found:
                word = "a key twice" if name in found else "an unknown key"
                raise self._refused(f"{of} has {word}", key, expected=", ".join(known), came=name)
            found[name] = value
        return found

    def _pairs(self, node: Node, *, of: str) -> list[tuple[Node, Node]]:
        if _kind(node) != "mapping":
            raise self._refused(f"{of} is a mapping", node, expected="name: value", came=_told(node))
        return list(node.value)

    def _list(self, node: Node) -> list[Node]:
        if _kind(node) != "sequence":
            raise self._refused("scopes are a list", node, expected="- codes: …", came=_told(node))
        return list(node.value)

    def _text(self, node: Node, *, of: str) -> str:
        """The words of a node as written, in the normal form of the records."""
        text = normalize("NFC", str(node.value)).strip() if _kind(node) == "scalar" else ""
        if not text:
            raise self._refused(f"{of} is a word", node, expected="text", came=_told(node))
        return text

    def _where(self, node: Node) -> str:
        return f"{self.shown} line {node.start_mark.line + 1}"

    def _refused(self, message: str, node: Node, **told: Any) -> InputError:
        return InputError(message, where=self._where(node), **told)


def _kind(node: Node) -> str:
    """scalar, sequence or mapping."""
    return str(getattr(node, "id", ""))


def _told(node: Node) -> str:
    kinds = {"sequence": "a list", "mapping": "names and values"}
    return kinds.get(_kind(node)) or (repr(node.value) if node.value else "nothing")
