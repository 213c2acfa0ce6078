"""Reads a rule file, refuses what is wrong with file and line, and compiles each rule once.

CEL (Common Expression Language) is checked at load against the declared types of the facts, so that a rule that
names an unknown fact, or is not a yes-or-no question, never starts.
"""

import hashlib
import string
from collections.abc import Mapping
from dataclasses import dataclass, fields
from functools import cache
from pathlib import Path
from typing import Literal

import yaml
from cel_expr_python import cel
from pydantic import Field, ValidationError

from alerts.errors import RuleError
from schemas.base import Frozen
from schemas.vocabularies import Confidence, Level

Score = Literal[0, 1, 2, 3, 4]
EUROPEAN = Path(__file__).parent / "rules" / "european.yaml"


class _Rule(Frozen):
    id: str = Field(pattern=r"^[A-Z0-9][A-Z0-9-]*$")
    says: str = Field(min_length=1)


class ImpactRule(_Rule):
    """Gives an impact when it holds."""

    gives: Score
    when: str


class SpreadRule(_Rule):
    """Gives a spread; `first` is looked at before all others and ends the question, `otherwise` when none held."""

    gives: Score
    when: str = "true"
    first: bool = False
    otherwise: bool = False


class ConfidenceRule(_Rule):
    gives: Confidence
    when: str


class Override(_Rule):
    """Replaces (`level`) or caps (`at_most`) the level of the matrix."""

    when: str
    level: Level | None = None
    at_most: Level | None = None


class Windows(Frozen):
    """Lengths in days; see the rule file for what each bounds."""

    events: int = Field(gt=0)
    harm: int = Field(gt=0)
    cluster: int = Field(gt=0)
    new_country: int = Field(gt=0)
    history: int = Field(gt=0)
    baseline_age: int = Field(gt=0)
    unidentified: int = Field(gt=0)

    @property
    def longest(self) -> int:
        """How many days before an anchor can matter to its facts."""
        return self.history + max(self.events, self.new_country, self.harm, self.cluster)


class Dose(Frozen):
    """High and extreme amounts per unit, in mg, of the substance with this first InChIKey block."""

    name: str
    inchikey: str = Field(pattern="^[A-Z]{14}$")
    high: float = Field(gt=0)
    extreme: float = Field(gt=0)


class Bulk(Frozen):
    potent_opioid: float = Field(gt=0)
    other: float = Field(gt=0)


class RuleSet(Frozen):
    """One authority's grading. `levels[impact][spread]` is the level."""

    name: str
    version: str
    windows_days: Windows
    doses_mg_per_unit: tuple[Dose, ...]
    bulk_grams: Bulk
    user_level_max_units: int = Field(gt=0)
    impact: tuple[ImpactRule, ...] = Field(min_length=1)
    spread: tuple[SpreadRule, ...] = Field(min_length=1)
    levels: tuple[tuple[Level, Level, Level, Level, Level], ...] = Field(min_length=5, max_length=5)
    confidence: tuple[ConfidenceRule, ...] = Field(min_length=1)
    overrides: tuple[Override, ...] = ()

    def dose(self, key: str) -> Dose | None:
        """The dose thresholds of the substance with this key, if the file has any."""
        return next((dose for dose in self.doses_mg_per_unit if key == f"S:{dose.inchikey}"), None)


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


class Language:
    """CEL over the fields of one frozen dataclass: bool, int, float and str."""

    _TYPES: Mapping[type, cel.Type] = {
        bool: cel.Type.BOOL, int: cel.Type.INT, float: cel.Type.DOUBLE, str: cel.Type.STRING,
    }  # fmt: skip

    def __init__(self, facts: type, extra: Mapping[str, type] | None = None) -> None:
        declared = {field.name: field.type for field in fields(facts)} | dict(extra or {})
        self.names = frozenset(declared)
        self._environment = cel.NewEnv(
            variables={name: self._TYPES[kind] for name, kind in declared.items() if isinstance(kind, type)}
        )

    def activation(self, values: Mapping[str, bool | int | float | str]) -> cel.Activation:
        """Bind the facts once for all rules."""
        return self._environment.Activation(values)

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
            raise RuleError(f"{where}: rule {rule} must be a yes-or-no question, but gives {gives}")
        return Program(expression, when)

    def together(self, programs: Mapping[str, Program]) -> Questions:
        """Questions of this language to be asked at once; at most 62."""
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
            raise RuleError(f"{where}: the sentence of rule {rule} names unknown facts: {names}")
        if any(how or conversion for _, _, how, conversion in parts):
            raise RuleError(f"{where}: the sentence of rule {rule} may name facts in braces, without a format")


@dataclass(frozen=True)
class Rulebook:
    """A rule set, where each rule stands in its file, and its digest (SHA-256 of the file)."""

    rules: RuleSet
    path: Path
    lines: Mapping[str, int]
    digest: str

    def where(self, rule: str) -> str:
        """`file:line` of a rule."""
        return f"{self.path.name}:{self.lines.get(rule, 1)}"


def read(path: Path = EUROPEAN) -> Rulebook:
    """Read and check the structure of a rule file. Raises RuleError."""
    text = path.read_text(encoding="utf-8")
    try:
        tree = yaml.compose(text, Loader=yaml.SafeLoader)
        rules = RuleSet.model_validate(yaml.safe_load(text))
    except yaml.YAMLError as error:
        raise RuleError(f"{path.name}: not YAML: {' '.join(str(error).split())}") from None
    except ValidationError as error:
        first = error.errors()[0]
        raise RuleError(
            f"{path.name}:{_line(tree, first['loc'])}: {'.'.join(map(str, first['loc']))}: {first['msg']}"
        ) from None
    places = [
        (part, n) for part in ("impact", "spread", "confidence", "overrides") for n in range(len(getattr(rules, part)))
    ]
    lines: dict[str, int] = {}
    for part, n in places:
        rule, line = getattr(rules, part)[n].id, _line(tree, (part, n))
        if rule in lines:
            raise RuleError(f"{path.name}:{line}: the rule id {rule} is used twice: give each rule its own")
        lines[rule] = line
    book = Rulebook(rules, path, lines, hashlib.sha256(text.encode()).hexdigest())
    _refuse_incomplete(book, tree)
    return book


def _line(node: yaml.Node | None, location: tuple[int | str, ...]) -> int:
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


def _refuse_incomplete(book: Rulebook, tree: yaml.Node | None) -> None:
    last = book.rules.confidence[-1]
    if last.when.strip() != "true":
        raise RuleError(f'{book.where(last.id)}: the last confidence rule must hold always (`when: "true"`)')
    if not any(rule.otherwise for rule in book.rules.spread):
        where = f"{book.path.name}:{_line(tree, ('spread',)) - 1}"
        raise RuleError(f"{where}: one spread rule must be `otherwise: true`, so that every case has a spread")
    for override in book.rules.overrides:
        if (override.level is None) == (override.at_most is None):
            raise RuleError(f"{book.where(override.id)}: override {override.id} needs either `level` or `at_most`")


@cache
def european() -> Rulebook:
    """The shipped rule set, read once."""
    return read(EUROPEAN)
