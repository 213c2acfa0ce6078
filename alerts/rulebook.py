"""Reads a rule file; refuses what is wrong with it, every problem at once, each with file, line and what to do."""

import hashlib
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TypeVar

import yaml
from pydantic import ValidationError
from pydantic_core import ErrorDetails

from alerts.errors import RuleError
from alerts.language import MOST_QUESTIONS
from alerts.ruleset import ANY_CLASS, Rule, RuleSet, Threshold
from alerts.ruleset import Windows as Windows
from schemas.alert_events import RuleSetRef

FOLDER = Path(__file__).parent / "rules"
EUROPEAN = FOLDER / "european.yaml"
EXAMPLE = FOLDER / "example_stricter.yaml"
"""The grading of an authority that does not exist: shows that another one can be used without changing code."""

PARTS = ("impact", "spread", "confidence", "overrides")
_NAMED = re.compile(r"\bthreshold\.([A-Za-z0-9_]+)")
_IN_SENTENCE = re.compile(r"\{threshold\.([A-Za-z0-9_]+)\}")
Location = tuple[int | str, ...]
AnyRule = TypeVar("AnyRule", bound=Rule)


@dataclass(frozen=True)
class Rulebook:
    """A rule set, where each rule stands in its file, and its digest (SHA-256 of the file).

    `thresholds` names those that a rule asks about; in `rules` they are replaced by their values.
    """

    rules: RuleSet
    path: Path
    lines: Mapping[str, int]
    digest: str
    thresholds: Mapping[str, tuple[str, ...]]

    def where(self, rule: str) -> str:
        """`file:line` of a rule."""
        return f"{self.path.name}:{self.lines.get(rule, 1)}"

    @property
    def ref(self) -> RuleSetRef:
        """What a grade names it by."""
        return RuleSetRef(name=self.rules.name, version=self.rules.version, digest=self.digest)

    @property
    def label(self) -> str:
        """The same in one line: name, version, the beginning of the digest."""
        return f"{self.rules.name} {self.rules.version} {self.digest[:12]}"


def read(path: Path = EUROPEAN) -> Rulebook:
    """Read and check the structure of a rule file. Raises RuleError, with a line of text for each problem."""
    text, tree, document = _parsed(path)
    name = path.name
    try:
        rules = RuleSet.model_validate(document)
    except ValidationError as error:
        found = sorted({_problem(one, name, tree) for one in _deepest(error.errors(include_url=False))})
        raise _refused([says for _, says in found]) from None
    lines, problems = _rule_lines(rules, name, tree)
    problems += [*_unknown_sources(rules, name, tree), *_unknown_thresholds(rules, name, lines)]
    problems += [*_incomplete(rules, name, lines, tree), *_twice(rules, name, tree)]
    if problems:
        raise _refused(problems)
    named = {rule.id: _thresholds_of(rule) for rule in _rules(rules)}
    return Rulebook(_filled_in(rules), path, lines, hashlib.sha256(text.encode()).hexdigest(), named)


@cache
def european() -> Rulebook:
    """The shipped rule set, read once."""
    return read(EUROPEAN)


def _refused(problems: Sequence[str]) -> RuleError:
    return RuleError("\n".join(problems))


def _parsed(path: Path) -> tuple[str, yaml.Node | None, object]:
    try:
        text = path.read_text(encoding="utf-8")
        tree: yaml.Node | None = yaml.compose(text, Loader=yaml.SafeLoader)
        document: object = yaml.safe_load(text)
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "not UTF-8"
        raise RuleError(f"{path.name}: cannot be read ({reason}): name a rule file that exists") from None
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        place = f":{mark.line + 1}" if mark else ""
        raise RuleError(f"{path.name}{place}: not YAML: {' '.join(str(error).split())}") from None
    if repeated := list(_repeated_keys(tree)):
        raise _refused([f"{path.name}:{line}: {key!r} stands here twice: keep one" for key, line in repeated])
    return text, tree, document


def _repeated_keys(node: yaml.Node | None) -> Iterator[tuple[str, int]]:
    """Keys that YAML itself would let the last of win, silently."""
    if isinstance(node, yaml.MappingNode):
        seen: set[str] = set()
        for key, value in node.value:
            if key.value in seen:
                yield key.value, key.start_mark.line + 1
            seen.add(key.value)
            yield from _repeated_keys(value)
    elif isinstance(node, yaml.SequenceNode):
        for item in node.value:
            yield from _repeated_keys(item)


def _line(node: yaml.Node | None, location: Location) -> int:
    """The line of the deepest part of a location that the file has."""
    line = 1
    for step in location:
        if node is None:
            break
        line = node.start_mark.line + 1
        if isinstance(node, yaml.MappingNode):
            node = next((value for key, value in node.value if key.value == step), None)
        elif isinstance(node, yaml.SequenceNode) and isinstance(step, int) and step < len(node.value):
            node = node.value[step]
        else:
            node = None
    return node.start_mark.line + 1 if node is not None else line


def _deepest(errors: Sequence[ErrorDetails]) -> Iterator[ErrorDetails]:
    """Without those that only repeat that something inside is wrong: a list is too short when an entry is refused."""
    for error in errors:
        place = error["loc"]
        inside = (other["loc"] for other in errors if len(other["loc"]) > len(place))
        if error["type"] != "too_short" or all(found[: len(place)] != place for found in inside):
            yield error


def _problem(error: ErrorDetails, name: str, tree: yaml.Node | None) -> tuple[int, str]:
    """One finding of pydantic: its line, and a sentence of ours."""
    location: Location = error["loc"]
    line, place = _line(tree, location), ".".join(map(str, location)) or "the file"
    return line, f"{name}:{line}: {place}: {_what_to_do(error, str(location[-1]) if location else '')}"


def _what_to_do(error: ErrorDetails, field: str) -> str:
    match error["type"]:
        case "missing" if field.isdigit():
            return "is missing: the list needs an entry for each score from 0 to 4"
        case "missing":
            return f"is missing: add `{field}`"
        case "extra_forbidden":
            return "is not a part of a rule file: correct the name or take it out"
        case "string_too_short" | "string_pattern_mismatch" if field == "says":
            return "is empty: say in a sentence what the rule found"
        case "model_type" | "dict_type" | "model_attributes_type":
            return "must be a mapping, `name: value` on each line"
        case _:
            return error["msg"][:1].lower() + error["msg"][1:]


def _rules(rules: RuleSet) -> Iterator[Rule]:
    yield from (*rules.impact, *rules.spread, *rules.confidence, *rules.overrides)


def _rule_lines(rules: RuleSet, name: str, tree: yaml.Node | None) -> tuple[dict[str, int], list[str]]:
    lines, problems = dict[str, int](), list[str]()
    for part in PARTS:
        for n, rule in enumerate(getattr(rules, part)):
            line = _line(tree, (part, n))
            if rule.id in lines:
                problems.append(f"{name}:{line}: the rule id {rule.id} is used twice: give each rule its own")
            lines.setdefault(rule.id, line)
    return lines, problems


def _unknown_sources(rules: RuleSet, name: str, tree: yaml.Node | None) -> Iterator[str]:
    known = ", ".join(sorted(rules.sources))
    for location, source in _sources(rules):
        if source not in rules.sources:
            line = _line(tree, (*location, "source"))
            yield f"{name}:{line}: unknown source {source}: name one of `sources` ({known}) or add it there"


def _sources(rules: RuleSet) -> Iterator[tuple[Location, str]]:
    for part, table in (("windows", rules.windows), ("terms", rules.terms)):
        for window in type(table).model_fields:
            yield (part, window), getattr(table, window).source
    yield ("user_level_units",), rules.user_level_units.source
    for part in ("doses", "bulk", "thresholds", *PARTS):
        for n, entry in enumerate(getattr(rules, part)):
            if entry.source is not None:
                yield (part, n), entry.source


def _when(rule: Rule) -> str:
    return str(getattr(rule, "when", ""))


def _thresholds_of(rule: Rule) -> tuple[str, ...]:
    return tuple(dict.fromkeys(_NAMED.findall(_when(rule)) + _IN_SENTENCE.findall(rule.says)))


def _unknown_thresholds(rules: RuleSet, name: str, lines: Mapping[str, int]) -> Iterator[str]:
    known = {threshold.name for threshold in rules.thresholds}
    for rule in _rules(rules):
        for wanted in _thresholds_of(rule):
            if wanted not in known:
                yield (
                    f"{name}:{lines[rule.id]}: rule {rule.id} names the unknown threshold {wanted}: "
                    f"add it to `thresholds` or name one of {', '.join(sorted(known))}"
                )


def _twice(rules: RuleSet, name: str, tree: yaml.Node | None) -> Iterator[str]:
    """Names that are given twice, where only the first would count."""
    keys = {"doses": "inchikey", "bulk": "name", "thresholds": "name"}
    for part, key in keys.items():
        seen: set[str] = set()
        for n, entry in enumerate(getattr(rules, part)):
            found = str(getattr(entry, key))
            if found in seen:
                yield f"{name}:{_line(tree, (part, n))}: {part} names {found} twice: keep one"
            seen.add(found)
    for n, dose in enumerate(rules.doses):
        if dose.extreme <= dose.high:
            yield f"{name}:{_line(tree, ('doses', n))}: the extreme dose of {dose.name} must be above the high one"


def _incomplete(rules: RuleSet, name: str, lines: Mapping[str, int], tree: yaml.Node | None) -> Iterator[str]:
    last = rules.confidence[-1]
    if last.when.strip() != "true":
        yield f'{name}:{lines[last.id]}: the last confidence rule must hold always (`when: "true"`)'
    if not any(rule.otherwise for rule in rules.spread):
        line = _line(tree, ("spread",)) - 1
        yield f"{name}:{line}: one spread rule must be `otherwise: true`, so that every case has a spread"
    if not any(bulk.name == ANY_CLASS for bulk in rules.bulk):
        line = _line(tree, ("bulk",)) - 1
        yield f"{name}:{line}: bulk must have an entry for `class: {ANY_CLASS}`, which every other class takes"
    for override in rules.overrides:
        if (override.level is None) == (override.at_most is None):
            yield f"{name}:{lines[override.id]}: override {override.id} needs either `level` or `at_most`"
    if sum(len(part) for part in (rules.impact, rules.spread, rules.overrides)) > MOST_QUESTIONS:
        yield f"{name}: more than {MOST_QUESTIONS} rules of impact, spread and overrides: join some with `||`"


def _filled_in(rules: RuleSet) -> RuleSet:
    """The rules with the values of the thresholds in the place of their names."""
    known = {threshold.name: threshold for threshold in rules.thresholds}
    return rules.model_copy(
        update={part: tuple(_with_values(rule, known) for rule in getattr(rules, part)) for part in PARTS}
    )


def _with_values(rule: AnyRule, known: Mapping[str, Threshold]) -> AnyRule:
    update = {"says": _IN_SENTENCE.sub(lambda found: known[found[1]].shown, rule.says)}
    if when := _when(rule):
        update["when"] = _NAMED.sub(lambda found: repr(known[found[1]].value), when)
    return rule.model_copy(update=update)
