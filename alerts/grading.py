"""How dangerous: runs the rules over the facts of a case and keeps every rule that fired with its sentence."""

from bisect import bisect, bisect_left
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from functools import cache, lru_cache
from operator import itemgetter
from pathlib import Path

from alerts.facts import Facts
from alerts.language import Language, Program
from alerts.rulebook import Rulebook, european, read
from alerts.ruleset import Override
from alerts.techniques import Certainty
from schemas.alert_events import FiredRule
from schemas.base import Frozen
from schemas.vocabularies import Confidence, Level, Novelty

Fact = bool | int | float | str

MOST_REMEMBERED = 20_000


class Grade(Frozen):
    """The grade of a case at an anchor day, with the trace of the rules that fired."""

    anchor: date
    level: Level
    impact: int
    spread: int
    confidence: Confidence
    fired: tuple[FiredRule, ...]
    novelty: Novelty = Novelty.UNKNOWN
    rule_set: str = ""
    """Name, version and beginning of the digest of the rule file that gave it."""

    @property
    def order(self) -> tuple[int, int, int, int, date]:
        """Larger is graver; among equals the surer and then the later stands for the case."""
        return (self.level, self.impact, self.spread, -"ABCD".index(self.confidence), self.anchor)


def highest(grades: Sequence[Grade]) -> Grade | None:
    """The grade that stands for a case: the gravest over its anchors."""
    return max(grades, key=lambda grade: grade.order, default=None)


@dataclass(frozen=True, eq=False)
class _Compiled:
    """A rule, and the facts that its sentence names."""

    id: str
    says: str
    program: Program
    named: tuple[str, ...]


@dataclass(frozen=True, kw_only=True, eq=False)
class _Judgement:
    """A level with the rules that gave it, without their sentences: `held` are rule, axis and score. `said` picks the
    facts that the sentences name, `named` says which."""

    level: Level
    scores: tuple[int, int]
    confidence: Confidence
    held: tuple[tuple[_Compiled, str, str], ...]
    named: tuple[str, ...]
    said: Callable[[Facts], tuple[Fact, ...]]
    broken: tuple[FiredRule, ...]


class Grading:
    """A rule book with its rules compiled; one instance serves any number of cases and threads.

    Raises RuleError when a rule does not compile against the facts.
    """

    def __init__(self, book: Rulebook) -> None:
        self.book = book
        self.rules = book.rules
        self._facts = Language(Facts, {"confidence": str})
        self.certainty = Certainty(book)
        compile_ = self._compile
        self._impact = [(compile_(rule.id, rule.says, rule.when), rule.gives) for rule in self.rules.impact]
        asked = [rule for rule in self.rules.spread if not rule.otherwise]
        self._first_spread = [(compile_(r.id, r.says, r.when), r.gives) for r in asked if r.first]
        self._spread = [(compile_(r.id, r.says, r.when), r.gives) for r in asked if not r.first]
        self._otherwise = [(compile_(r.id, r.says, "true"), r.gives) for r in self.rules.spread if r.otherwise]
        self._overrides = [(compile_(rule.id, rule.says, rule.when), rule) for rule in self.rules.overrides]
        self._asked = [
            *((rule, "impact") for rule, _ in self._impact),
            *((rule, "spread") for rule, _ in (*self._first_spread, *self._spread)),
            *((rule, "override") for rule, _ in self._overrides),
        ]
        self._questions = self._facts.together({rule.id: rule.program for rule, _ in self._asked})
        programs = [rule.program for rule, _ in self._asked]
        self._named, sight, index = self._facts.named_in(programs), self._facts.sight(programs), Facts._fields.index
        self._exact = _picking(sight.exact)
        self._among = [(index(name), numbers) for name, numbers in sorted(sight.landmarks.items())]
        self._compared = [(index(one.one), one, index(one.other)) for one in sight.comparisons]
        self._judgements: dict[tuple[object, ...], _Judgement] = {}
        self._graded = lru_cache(maxsize=MOST_REMEMBERED)(self._grade)

    def __reduce__(self) -> "tuple[type[Grading], tuple[Rulebook]]":
        """Another process compiles the rules anew: what is compiled cannot be sent."""
        return (Grading, (self.book,))

    def _compile(self, rule: str, says: str, when: str) -> _Compiled:
        where = self.book.where(rule)
        self._facts.check_sentence(rule, says, where)
        named = tuple(name for name in self._facts.names if f"{{{name}}}" in says)
        return _Compiled(rule, says, self._facts.compile(rule, when, where), named)

    def grade(self, facts: Facts, *, confidence: Confidence, anchor: date) -> Grade:
        """Grade a case at an anchor. Same facts, same grade."""
        judged = self._judged(facts, confidence)
        return self._graded(judged, judged.said(facts), facts.novelty, anchor)

    def grade_of(self, facts: Facts, confidence: Confidence) -> Grade:
        """The same at no day in particular: for what might be."""
        return self.grade(facts, confidence=confidence, anchor=date.min)

    def level_of(self, facts: Facts, confidence: Confidence) -> Level:
        """The level alone: what would be asked of facts that may come costs a quarter without the sentences."""
        return self._judged(facts, confidence).level

    def answers(self, facts: Facts, confidence: Confidence) -> Mapping[str, bool | str]:
        """What each rule that is asked answers, the `otherwise` of spread left out."""
        values = {name: value for name, value in facts.values().items() if name in self._named}
        return self._questions.answers(self._facts.activation({**values, "confidence": confidence.value}))

    def _judged(self, facts: Facts, confidence: Confidence) -> _Judgement:
        """Remembered by what the rules see: the 14 days of a hot case are mostly judged alike, and with them the next
        report of it; of the facts of a year of reports a quarter were judged before."""
        ranks = [bisect_left(numbers, facts[place]) + bisect(numbers, facts[place]) for place, numbers in self._among]
        ways = [compared.holds(float(facts[one]), float(facts[other])) for one, compared, other in self._compared]
        key = (self._exact(facts), *ranks, *ways, confidence)
        found = self._judgements.get(key)
        if found is None:
            if len(self._judgements) >= MOST_REMEMBERED:
                self._judgements.clear()
            found = self._judgements[key] = self._judge(facts, confidence)
        return found

    def _judge(self, facts: Facts, confidence: Confidence) -> _Judgement:
        answers = self.answers(facts, confidence)
        impact = _holding(self._impact, answers)
        spread = _holding(self._first_spread, answers) or _holding(self._spread, answers) or self._otherwise
        scores = (max((gives for _, gives in impact), default=0), max(gives for _, gives in spread))
        override = next((found for found in self._overrides if answers[found[0].id] is True), None)
        level = _overridden(self.rules.levels[scores[0]][scores[1]], override[1] if override else None)
        held = [(rule, "impact", str(gives)) for rule, gives in impact]
        held += [(rule, "spread", str(gives)) for rule, gives in spread]
        held += [] if override is None else [(override[0], "override", f"L{int(level)}")]
        failed = ((rule, axis, answers[rule.id]) for rule, axis in self._asked)
        return _Judgement(
            level=level,
            scores=scores,
            confidence=confidence,
            held=tuple(held),
            named=_in_order(name for rule, *_ in held for name in rule.named),
            said=_picking(name for rule, *_ in held for name in rule.named),
            broken=tuple(_broken(rule, axis, failure) for rule, axis, failure in failed if isinstance(failure, str)),
        )

    def _grade(self, judged: _Judgement, said: tuple[Fact, ...], novelty: str, anchor: date) -> Grade:
        values = {**dict(zip(judged.named, said, strict=False)), "confidence": judged.confidence.value}
        fired = [_fired(rule, axis, score, values) for rule, axis, score in judged.held]
        position = next((place for place, rule in enumerate(fired) if rule.axis == "override"), len(fired))
        fired.insert(position, self.certainty.sentence(judged.confidence))
        return Grade.trusted(
            anchor=anchor,
            level=judged.level,
            impact=judged.scores[0],
            spread=judged.scores[1],
            confidence=judged.confidence,
            fired=(*fired, *judged.broken),
            novelty=Novelty(novelty),
            rule_set=self.book.label,
        )


def _in_order(names: Iterable[str]) -> tuple[str, ...]:
    """Those of the names that are facts, as the facts are ordered."""
    wanted = frozenset(names)
    return tuple(name for name in Facts._fields if name in wanted)


def _picking(names: Iterable[str]) -> Callable[[Facts], tuple[Fact, ...]]:
    """Their values, in that order; an empty slice stands at the end, so that one value is a tuple too."""
    return itemgetter(*map(Facts._fields.index, _in_order(names)), slice(0))


def _holding(rules: Sequence[tuple[_Compiled, int]], answers: Mapping[str, bool | str]) -> list[tuple[_Compiled, int]]:
    return [(rule, gives) for rule, gives in rules if answers[rule.id] is True]


def _broken(rule: _Compiled, axis: str, failure: str) -> FiredRule:
    """A rule that could not be answered: it did not count, and everybody who reads the trace sees it."""
    says = f"this rule could not be answered and did not count ({failure})"
    return FiredRule.model_validate({"id": rule.id, "axis": axis, "score": "error", "says": says})


def _overridden(level: Level, override: Override | None) -> Level:
    if override is None:
        return level
    if override.level is not None:
        return override.level
    return level if override.at_most is None else min(level, override.at_most)


def _fired(rule: _Compiled, axis: str, score: str, values: Mapping[str, Fact]) -> FiredRule:
    return _said(rule, axis, score, tuple([values[name] for name in rule.named]))


@lru_cache(maxsize=MOST_REMEMBERED)
def _said(rule: _Compiled, axis: str, score: str, values: tuple[Fact, ...]) -> FiredRule:
    shown = {name: _shown(value) for name, value in zip(rule.named, values, strict=True)}
    return _sentence(rule.id, axis, score, rule.says.format_map(shown) if shown else rule.says.format())


@lru_cache(maxsize=4096)
def _sentence(rule: str, axis: str, score: str, says: str) -> FiredRule:
    return FiredRule.model_validate({"id": rule, "axis": axis, "score": score, "says": says})


def _shown(value: Fact) -> bool | int | str:
    return f"{value:g}" if isinstance(value, float) else value


@cache
def european_grading() -> Grading:
    """The shipped rules, compiled once."""
    return Grading(european())


def grading_of(path: Path | None) -> Grading:
    """The rules of a file, or the shipped ones. Raises RuleError."""
    return european_grading() if path is None else Grading(read(path))
