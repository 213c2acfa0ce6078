"""The language of rules: CEL (Common Expression Language) over declared facts, checked before anything runs.

A rule that names an unknown fact, or is not a yes-or-no question, never starts.
"""

import operator as op
import re
import string
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import NamedTuple, get_type_hints

from cel_expr_python import cel

from alerts.errors import RuleError

_WORD = re.compile(r"[A-Za-z_]\w*")
_TOKEN = re.compile(r"\"[^\"]*\"|'[^']*'|\d+(?:\.\d+)?(?:[eE][+-]?\d+)?|[A-Za-z_]\w*|[<>=!]=|&&|\|\||\S")
_BORDERS = frozenset({"", "(", ")", "&&", "||", "?", ":"})
"""What binds less than a comparison: between two of them stands the whole of it."""
_COMPARISONS = frozenset({"<", "<=", ">", ">=", "==", "!="})
_SIDE = r"(?:(?P<{0}n>\d+(?:\.\d+)?)\s*\*\s*)?(?P<{0}d>double\()?(?P<{0}>[A-Za-z_]\w*)(?({0}d)\))"
_PAIR = re.compile(
    rf"(?<=[(&|?:^])\s*{_SIDE.format('one')}\s*(?P<is><=|>=|<|>)\s*{_SIDE.format('other')}\s*(?=[)&|?:$])"
)
"""One fact compared with another, either of them perhaps so many times: `double(events) >= 3.0 * mean`."""
_SAYS: Mapping[str, Callable[[float, float], bool]] = {"<": op.lt, "<=": op.le, ">": op.gt, ">=": op.ge}
MOST_QUESTIONS = 62
"""That can be asked together: a bit for each in a 64-bit number."""


@dataclass(frozen=True)
class Program:
    """A compiled question over one kind of facts, and its text."""

    expression: cel.Expression
    when: str

    def answer(self, activation: cel.Activation) -> bool | str:
        """Yes or no, or what went wrong while answering. Facts are total, so that is a bug: it stays in the trace."""
        found = self.expression.eval(activation).value()
        return found if isinstance(found, bool) else str(found)

    def holds(self, activation: cel.Activation) -> bool:
        """Whether the question is answered yes; one that fails is not."""
        return self.answer(activation) is True


@dataclass(frozen=True)
class Questions:
    """Compiled questions by name, asked together: one evaluation instead of thirty, a tenth of the time."""

    programs: Mapping[str, Program]
    together: cel.Expression
    """The sum of a bit for each yes. It fails when any question does."""

    def answers(self, activation: cel.Activation) -> dict[str, bool | str]:
        """The answer of each; one that fails spoils no other."""
        found = self.together.eval(activation).value()
        if isinstance(found, int):
            return {name: bool(found >> place & 1) for place, name in enumerate(self.programs)}
        return {name: program.answer(activation) for name, program in self.programs.items()}


class Comparison(NamedTuple):
    """So many times one fact against so many times another, in floating point as CEL has it."""

    one: str
    times: float
    sign: str
    other: str
    other_times: float

    def holds(self, one: float, other: float) -> bool:
        """Which way it goes."""
        return _SAYS[self.sign](self.times * one, self.other_times * other)


class Sight(NamedTuple):
    """What questions see of facts: two sets of facts that look the same to them have the same answers.

    `landmarks` are the numbers, ascending, that a fact is only ever compared with: where it lies among them is all that
    is seen of it. Of two facts in a comparison only the way it goes is. `exact` are the facts used in any other way.
    """

    exact: frozenset[str]
    landmarks: Mapping[str, tuple[float, ...]]
    comparisons: tuple[Comparison, ...]


class Language:
    """CEL over the fields of one dataclass or named tuple: bool, int, float and str."""

    _TYPES: Mapping[type, cel.Type] = {
        bool: cel.Type.BOOL, int: cel.Type.INT, float: cel.Type.DOUBLE, str: cel.Type.STRING,
    }  # fmt: skip

    def __init__(self, facts: type, extra: Mapping[str, type] | None = None) -> None:
        declared = get_type_hints(facts) | dict(extra or {})
        self.names = frozenset(declared)
        self._numbers = frozenset(name for name, kind in declared.items() if kind in (int, float))
        self._environment = cel.NewEnv(variables={name: self._TYPES[kind] for name, kind in declared.items()})

    def activation(self, values: Mapping[str, bool | int | float | str]) -> cel.Activation:
        """Bind the facts once for all rules."""
        return self._environment.Activation(values)

    def named_in(self, questions: Iterable[Program]) -> frozenset[str]:
        """The facts that these questions speak of."""
        return self.names.intersection(*[_WORD.findall(" ".join(one.when for one in questions))])

    def sight(self, questions: Iterable[Program]) -> "Sight":
        """What these questions see of the facts."""
        landmarks: dict[str, set[float]] = {}
        exact, compared = set[str](), set[Comparison]()
        for question in questions:
            tokens = ["", *_TOKEN.findall(self._without_pairs(f"({question.when})", compared)), "", "", ""]
            for place, name in enumerate(tokens):
                if name not in self.names:
                    continue
                before, (comparison, number, after) = tokens[place - 1], tokens[place + 1 : place + 4]
                if {before, after} <= _BORDERS and comparison in _COMPARISONS and number[:1].isdigit():
                    landmarks.setdefault(name, set()).add(float(number))
                else:
                    exact.add(name)
        among = {name: tuple(sorted(numbers)) for name, numbers in landmarks.items() if name not in exact}
        return Sight(frozenset(exact), among, tuple(sorted(compared)))

    def _without_pairs(self, when: str, compared: set[Comparison]) -> str:
        """The question without the comparisons of two numbers, which are collected."""

        def cut(match: re.Match[str]) -> str:
            if not {match["one"], match["other"]} <= self._numbers:
                return match[0]
            sides = [(match[side], float(match[f"{side}n"] or 1)) for side in ("one", "other")]
            compared.add(Comparison(*sides[0], match["is"], *sides[1]))
            return ""

        return _PAIR.sub(cut, when)

    def compile(self, rule: str, when: str, where: str) -> Program:
        """Compile, or refuse naming file, line, rule and CEL's own complaint."""
        try:
            expression = self._environment.compile(when)
        except RuntimeError as error:
            complaint = str(error).split("ERROR: ")[-1].splitlines()[0].removeprefix("<input>:")
            raise RuleError(
                f"{where}: rule {rule}: {complaint}. Known facts: {', '.join(sorted(self.names))}"
            ) from None
        if expression.return_type() != cel.Type.BOOL:
            gives = expression.return_type().name()
            raise RuleError(
                f"{where}: rule {rule} must be a yes-or-no question, but gives {gives}: compare it with something"
            )
        return Program(expression, when)

    def together(self, programs: Mapping[str, Program]) -> Questions:
        """Questions of this language to be asked at once; at most `MOST_QUESTIONS`."""
        bits = [f"(({program.when}\n) ? {1 << place} : 0)" for place, program in enumerate(programs.values())]
        return Questions(programs, self._environment.compile(" + ".join(bits)))

    def check_sentence(self, rule: str, says: str, where: str) -> None:
        """Refuse a sentence with braces that do not hold just the name of a fact."""
        try:
            parts = list(string.Formatter().parse(says))
        except ValueError as error:
            raise RuleError(f"{where}: the sentence of rule {rule} cannot be read: {error}") from None
        named = {name for _, name, _, _ in parts if name is not None}
        if unknown := named - self.names:
            names = ", ".join(name or "{}" for name in sorted(unknown))
            raise RuleError(
                f"{where}: the sentence of rule {rule} names unknown facts: {names}. "
                f"Known facts: {', '.join(sorted(self.names))}"
            )
        if any(how or conversion for _, _, how, conversion in parts):
            raise RuleError(f"{where}: the sentence of rule {rule} may name facts in braces, without a format")
