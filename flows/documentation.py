"""The generated references in docs/reference/: settings, parameters, commands, events, contracts, errors, HTTP API.

`python -m flows.documentation` (or `make docs`) writes them; a test compares, so that no page can go stale.
"""

from __future__ import annotations

import inspect
import tempfile
from collections.abc import Iterator
from dataclasses import fields, is_dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from training.params import Params

MADE = "<!-- Made by `make docs` from the code. Do not edit. -->\n\n"
REPOSITORY = Path(__file__).resolve().parents[1]
FOLDER = REPOSITORY / "docs" / "reference"


def pages() -> dict[str, str]:
    """Every generated page: file name to Markdown."""
    from data_contracts import documentation

    made = {
        "settings.md": settings_page(),
        "parameters.md": parameters_page(),
        "commands.md": commands_page(),
        "staffing.md": staffing_page(),
        "events.md": documentation.events_page(),
        "contracts.md": documentation.contracts_page(),
        "errors.md": documentation.errors_page(),
        "api.md": api_page(),
    }
    return {name: MADE + text.rstrip() + "\n" for name, text in made.items()}


def settings_page() -> str:
    """The settings of a workspace, with their variables, defaults and reasons."""
    from centre.settings import describe

    rows = [[f"`{f.name}`", f"`{f.variable}`", f.kind, f.default, f.reason] for f in describe()]
    return (
        "# Settings\n\nA variable wins over `settings.yaml` in the workspace, which wins over the profile.\n\n"
        + _table(["setting", "variable", "kind", "default", "reason"], rows)
    )


def parameters_page() -> str:
    """The parameters of a training run (`params.yaml`), each with the reason that stands above its field."""
    from training.params import Params, load

    params = load(REPOSITORY / "params.yaml")
    text = (
        "# Parameters of a training run\n\nIn `params.yaml`; `parley retrain --set section.name=value` overrides one.\n"
    )
    for section in fields(Params):
        value = getattr(params, section.name)
        if is_dataclass(value):
            text += f"\n## {section.name}\n\n" + _parameters_of(value)
    return text + "\n## gates\n\n" + _gates_of(params)


def _parameters_of(section: Any) -> str:
    reasons = dict(_reasons(type(section)))
    rows = [
        [f"`{f.name}`", str(getattr(section, f.name)), _ends_of(f.name), reasons.get(f.name, "")]
        for f in fields(section)
    ]
    return _table(["parameter", "value", "may be", "reason"], rows)


def _ends_of(name: str) -> str:
    from training.bounds import BOUNDS

    return BOUNDS[name].ends if name in BOUNDS else ""


def _gates_of(params: Params) -> str:
    gates = [(family, gate) for family in sorted(params.gates) for gate in params.policy(family).gates]
    rows = [
        [family, gate.name, gate.metric, gate.comparator, str(gate.margin), ", ".join(gate.slices)]
        for family, gate in gates
    ]
    return _table(["family", "gate", "metric", "comparator", "margin", "slices"], rows)


def staffing_page() -> str:
    """The rules of a staffing plan, each with its bounds and reason, and the example beside the code."""
    from centre.staffing import rules

    text = (
        "# Rules of a staffing plan\n\n`parley staff plan --rules rules.yaml`; what is left out keeps its default, an "
        "unknown rule is refused. `queues` gives a queue a goal of its own: figures of `service`.\n\n"
        + _table(["rule", "default", "may be", "reason"], [_rule(f) for f in fields(rules.Rules) if f.metadata])
    )
    for name, kind in (
        ("service", rules.Service), ("luck", rules.Luck), ("rostering", rules.Rostering), ("templates", rules.Template),
        ("templates, breaks", rules.Break),
    ):  # fmt: skip
        text += f"\n## {name}\n\n" + _table(["rule", "default", "may be", "reason"], [_rule(f) for f in fields(kind)])
    example = Path(rules.__file__).with_name("example.yaml").read_text(encoding="utf-8")
    return text + f"\n## An example\n\n```yaml\n{example.strip()}\n```\n"


def _rule(told: Any) -> list[str]:
    """A rule with its default (of breaks in short), its bounds where it is a figure, its reason."""
    default, ends = told.default, ""
    if isinstance(default, int | float) and not isinstance(default, bool):
        ends = f"{told.metadata['least']:g} to {told.metadata['most']:g}"
    shown = ", ".join(str(getattr(one, "minutes", one)) for one in default) if isinstance(default, tuple) else default
    return [f"`{told.name}`", str(shown), ends, told.metadata["reason"]]


def commands_page() -> str:
    """Every command with its help, as `parley COMMAND --help` shows it."""
    silent = " and ".join(f"`{words}`" for words, command in _commands() if not _takes_json(command))
    text = (
        f"# Commands\n\nEvery command takes `--json` but {silent}, which start the application; "
        "exit codes are those of [errors](errors.md).\n"
    )
    for words, command in _commands():
        context = command.make_context(f"parley {words}", [], resilient_parsing=True)
        text += f"\n## parley {words}\n\n```text\n{_unindented(command.get_help(context))}\n```\n"
    return text


def _takes_json(command: Any) -> bool:
    return any("--json" in parameter.opts for parameter in command.params)


def commands_without_json() -> set[str]:
    """The commands that print no JSON object."""
    return {words for words, command in _commands() if not _takes_json(command)}


def command_names() -> set[str]:
    """The commands as they are typed: `retrain`, `review approve`."""
    return {words for words, _ in _commands()}


def api_page() -> str:
    """The HTTP interface from its OpenAPI document: path, what it is for, who may."""
    document = openapi()
    rows = [
        [f"`{method.upper()} {path}`", operation.get("summary", ""), _roles(operation)]
        for path, methods in sorted(document["paths"].items())
        for method, operation in methods.items()
    ]
    return (
        f"# HTTP interface\n\nOpenAPI {document['openapi']} at `/openapi.json`. Errors are problem+json.\n\n"
        + _table(["call", "for", "roles"], rows)
    )


def openapi() -> dict[str, Any]:
    """The OpenAPI document of the whole application, over a workspace that is thrown away."""
    from centre.settings import load
    from flows import compose
    from serving.app import create

    with tempfile.TemporaryDirectory() as folder:
        place = compose.Workspace(load(Path(folder), env={}))
        return create(compose.doors(place)).openapi()


def _commands() -> Iterator[tuple[str, Any]]:
    from typer.main import get_command

    from flows.cli.app import application

    for name, command in sorted(get_command(application()).commands.items()):  # type: ignore[attr-defined]
        inner = getattr(command, "commands", None)
        if inner is None:
            yield name, command
        else:
            yield from ((f"{name} {sub}", inner[sub]) for sub in sorted(inner))


def _reasons(kind: type) -> Iterator[tuple[str, str]]:
    """Field name and the comment above it, for a dataclass and those that it extends."""
    for owner in reversed(kind.__mro__[:-1]):
        comment: list[str] = []
        for line in map(str.strip, inspect.getsource(owner).splitlines()):
            if line.startswith("#"):
                comment.append(line.lstrip("# "))
            else:
                if comment and ":" in line:
                    yield line.split(":")[0].strip(), " ".join(comment)
                comment = []


def _roles(operation: dict[str, Any]) -> str:
    """The roles of an operation, from its security requirement: OpenAPI 3.1 allows to list them for bearers."""
    roles = [role for requirement in operation.get("security", []) for named in requirement.values() for role in named]
    return ", ".join(roles) or ("anyone who signed in" if operation.get("security") else "anyone")


def _table(head: list[str], rows: list[list[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "".join(
        "| " + " | ".join(cell.replace("|", "\\|").replace("\n", " ") for cell in line) + " |\n" for line in lines
    )


def _unindented(text: str) -> str:
    return "\n".join(line.rstrip() for line in text.strip().splitlines())


def write(folder: Path = FOLDER) -> list[Path]:
    """Write every page and return where."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in pages().items():
        (folder / name).write_text(text, encoding="utf-8")
    return sorted(folder.glob("*.md"))


if __name__ == "__main__":
    for page in write():
        print(page.name)
