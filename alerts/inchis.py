"""Decides whether a text is a whole and consistent standard InChI, before the chemistry library may see it.

The library's own reader ends the process on some texts that are nearly InChIs (`/h12*4H`), so nothing is handed to it
that does not add up here: layers in order, atoms numbered within their component, bonds once, hydrogens as the formula
counts them. The isotope layer is cut off: a substance is the same without it. Form: IUPAC InChI technical manual.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass

MOST_HYDROGENS = 8
"""On one atom; the most that a real substance has is four."""

MOST_NEIGHBOURS = 12

_PREFIX = "InChI=1S/"
_LAYERS = "chqpbtms"
_ELEMENT = re.compile(r"([A-Z][a-z]?)([1-9]\d{0,2})?")
_FORMULA = re.compile(rf"([1-9]\d{{0,2}})?((?:{_ELEMENT.pattern})+)")
_TIMES = re.compile(r"(?:([1-9]\d{0,2})\*)?(.*)")
_BONDS = re.compile(r"[1-9]\d{0,2}(?:[-(),][1-9]\d{0,2})+")
_FIXED = re.compile(r"((?:[1-9]\d{0,2}(?:-[1-9]\d{0,2})?,)*[1-9]\d{0,2}(?:-[1-9]\d{0,2})?)H([1-9])?")
_MOBILE = re.compile(r"\(H([1-9]\d?)?(?:-\d{0,2})?((?:,[1-9]\d{0,2})+)\)")
_CHARGE = re.compile(r"(?:[+-][1-9]\d?)?")
_DOUBLE = re.compile(r"(?:[1-9]\d{0,2}-[1-9]\d{0,2}[-+u?](?:,(?!$)|$))*")
_CENTRE = re.compile(r"(?:[1-9]\d{0,2}[-+u?](?:,(?!$)|$))*")
_NUMBER = re.compile(r"\d+")


@dataclass(frozen=True)
class _Component:
    """Atoms of one component of the formula: all but hydrogen, and hydrogens."""

    atoms: int
    hydrogens: int


class _Inconsistent(Exception):
    """Something in the text does not add up."""


def without_isotopes(inchi: str, *, most_atoms: int, most_rings: int) -> str | None:
    """The same InChI without its isotope layer; None when it is not a consistent standard InChI of that size."""
    text = inchi.split("/i", 1)[0]
    if not text.startswith(_PREFIX):
        return None
    formula, *layers = text.removeprefix(_PREFIX).split("/")
    try:
        components = _components(formula, most_atoms)
        _require(_check_layers(layers, components) <= most_rings)
    except _Inconsistent:
        return None
    return text


def _require(holds: bool) -> None:
    if not holds:
        raise _Inconsistent


def _components(formula: str, most_atoms: int) -> list[_Component]:
    found: list[_Component] = []
    for part in formula.split("."):
        match = _FORMULA.fullmatch(part)
        _require(match is not None)
        assert match is not None
        times, component = int(match[1] or 1), _component(match[2])
        _require(component.atoms > 0 and (len(found) + times) <= most_atoms)
        found += [component] * times
        _require(sum(one.atoms for one in found) <= most_atoms)
    return found


def _component(elements: str) -> _Component:
    counts = [(symbol, int(count or 1)) for symbol, count in _ELEMENT.findall(elements)]
    _require(len({symbol for symbol, _ in counts}) == len(counts))
    hydrogens = sum(count for symbol, count in counts if symbol == "H")
    return _Component(sum(count for _, count in counts) - hydrogens, hydrogens)


def _check_layers(layers: list[str], components: list[_Component]) -> int:
    """How many rings the bonds close."""
    _require(all(len(layer) > 1 for layer in layers))
    letters = [layer[0] for layer in layers]
    order = [_LAYERS.find(letter) for letter in letters]
    _require(-1 not in order and order == sorted(set(order)))
    said = {layer[0]: layer[1:] for layer in layers}
    bonds = _spread(said.get("c", ""), len(components))
    hydrogens = _spread(said.get("h", ""), len(components))
    for component, held in zip(components, hydrogens, strict=True):
        _check_hydrogens(held, component)
    _require(all(_CHARGE.fullmatch(one) for one in _spread(said.get("q", ""), len(components))))
    _require(_CHARGE.fullmatch(said.get("p", "")) is not None)
    for letter, form in (("b", _DOUBLE), ("t", _CENTRE)):
        for component, one in zip(components, _spread(said.get(letter, ""), len(components)), strict=True):
            _require(form.fullmatch(one) is not None and _within(one, component))
    _require(re.fullmatch(r"[01.]*", said.get("m", "")) is not None and said.get("s", "1") in ("1", "2", "3"))
    return sum(_check_bonds(bonded, component) for bonded, component in zip(bonds, components, strict=True))


def _spread(layer: str, components: int) -> list[str]:
    """What a layer says of each component: `2*a;b` is a, a, b; nothing is nothing of all."""
    if not layer:
        return [""] * components
    found: list[str] = []
    for part in layer.split(";"):
        match = _TIMES.fullmatch(part)
        assert match is not None
        found += [match[2]] * int(match[1] or 1)
        _require(len(found) <= components)
    _require(len(found) == components)
    return found


def _within(text: str, component: _Component) -> bool:
    return all(1 <= int(number) <= component.atoms for number in _NUMBER.findall(text))


def _check_bonds(layer: str, component: _Component) -> int:
    """Rings; every atom of the component hangs together with the others, and no bond is there twice."""
    if component.atoms == 1:
        _require(layer == "")
        return 0
    _require(_BONDS.fullmatch(layer) is not None and _within(layer, component))
    bonds = list(_bonds(layer))
    _require(len({frozenset(bond) for bond in bonds}) == len(bonds) and all(one != other for one, other in bonds))
    ends = [end for bond in bonds for end in bond]
    _require(set(ends) == set(range(1, component.atoms + 1)))
    _require(max(map(ends.count, set(ends))) <= MOST_NEIGHBOURS)
    return len(bonds) - component.atoms + 1


def _bonds(layer: str) -> Iterator[tuple[int, int]]:
    """Pairs of bonded atoms: `1-5(2,3)4` is 1-5, 5-2, 5-3, 5-4."""
    tokens = re.findall(r"\d+|[-(),]", layer)
    last, branches = int(tokens[0]), list[int]()
    for mark, number in zip(tokens[1::2], tokens[2::2], strict=True):
        if mark == "(":
            branches.append(last)
        elif mark != "-":
            _require(bool(branches))
            last = branches.pop() if mark == ")" else branches[-1]
        yield last, int(number)
        last = int(number)
    _require(not branches)


def _check_hydrogens(layer: str, component: _Component) -> None:
    """Each atom holds its own hydrogens once, and all of them are as many as the formula counts."""
    total = 0
    for match in _MOBILE.finditer(layer):
        _require(_within(match[2], component))
        total += int(match[1] or 1)
    fixed = _MOBILE.sub("", layer).removesuffix(",")
    holders: list[int] = []
    while fixed:
        group = _FIXED.match(fixed)
        _require(group is not None)
        assert group is not None
        atoms = list(_ranges(group[1]))
        _require(len(atoms) <= component.atoms)
        holders += atoms
        total += len(atoms) * int(group[2] or 1)
        _require(int(group[2] or 1) <= MOST_HYDROGENS)
        rest = fixed[group.end() :]
        _require(not rest or (rest[0] == "," and len(rest) > 1))
        fixed = rest[1:]
    _require(len(set(holders)) == len(holders) and set(holders) <= set(range(1, component.atoms + 1)))
    _require(total == component.hydrogens)


def _ranges(text: str) -> Iterator[int]:
    for part in text.split(","):
        first, _, last = part.partition("-")
        yield from range(int(first), int(last or first) + 1)
