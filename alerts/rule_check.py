"""Everything that is wrong with a rule file: structure first, then every rule against the facts it may ask about."""

from collections.abc import Iterator
from pathlib import Path

from alerts.errors import RuleError
from alerts.facts import Facts
from alerts.language import Language
from alerts.rulebook import Rulebook, read
from alerts.ruleset import Rule
from alerts.techniques import Techniques


def problems(path: Path) -> tuple[str, ...]:
    """A sentence for each, with file and line; none for a file that can be used."""
    try:
        book = read(path)
    except RuleError as error:
        return tuple(str(error).splitlines())
    return tuple(_of_rules(book))


def _of_rules(book: Rulebook) -> Iterator[str]:
    facts, rules = Language(Facts, {"confidence": str}), book.rules
    for part in (rules.impact, rules.spread, rules.overrides):
        for rule in part:
            yield from _of_rule(rule, rule.when, facts, facts, book)
    for surety in rules.confidence:
        yield from _of_rule(surety, surety.when, Language(Techniques), None, book)


def _of_rule(rule: Rule, when: str, asked: Language, said: Language | None, book: Rulebook) -> Iterator[str]:
    """A sentence of confidence names no facts: it is said of a case, the techniques are those of one finding."""
    try:
        asked.compile(rule.id, when, book.where(rule.id))
    except RuleError as error:
        yield str(error)
    try:
        if said is not None:
            said.check_sentence(rule.id, rule.says, book.where(rule.id))
        elif "{" in rule.says or "}" in rule.says:
            where = book.where(rule.id)
            yield f"{where}: the sentence of rule {rule.id} may name no facts: it is said of a whole case"
    except RuleError as error:
        yield str(error)
