"""What was settled about a name: that it means a substance, as a person decided or a structure showed.

A finding that is not settled waits under a key: its provisional `N:` or `G:` key, or `C:<name>:<key>` where its
identifiers disagree. A settlement answers for such a key, for one laboratory or for all, and can be taken back.
"""

import re
from dataclasses import replace

from alerts.catalogue import Catalogue, Settlement
from alerts.evidence import Named
from alerts.identity import STRUCTURAL, Identity, Rung, identify
from alerts.names import strict_key, without_remark
from schemas.detections import Component

_BY_STRUCTURE = STRUCTURAL
_WORD = re.compile(r"[^\W\d_]{4}")


def settled(
    found: tuple[Identity, ...], component: Component, *, laboratory: str, catalogue: Catalogue
) -> tuple[Identity, ...]:
    """The same identities, or the one that a settlement gives. A mixture is left as it is."""
    if not catalogue.settlements or len(found) != 1:
        return found
    key = open_key(component, found[0])
    settlement = catalogue.settled_as(laboratory, key) if key else None
    if key is None or settlement is None:
        return found
    said = _as_settled(component, settlement, catalogue)
    (one, *others) = identify(said, laboratory=laboratory, sample="", catalogue=catalogue)
    if others or one.key != settlement.substance:
        return found
    why = f"“{component.name_reported.strip()}” was settled as {one.name} by a {settlement.source}; {one.why}"
    return (replace(one, rungs=(Rung.R5,), rung=Rung.R5, provisional=False, settled_from=key, why=why),)


def open_key(component: Component, identity: Identity) -> str | None:
    """The key under which an unsettled finding waits for a person; None where nothing is to be settled by a name."""
    if identity.conflict:
        return f"C:{strict_key(component.name_reported)}:{identity.key}"
    waits = identity.rung is Rung.R6 and not identity.unidentified
    return identity.key if waits else None


def review_key(named: Named) -> str | None:
    """The key that a finding waits under, or did; for a structure with a name that nobody knows, that of the name."""
    identity, component = named.identity, named.component
    key = identity.settled_from or open_key(component, identity)
    if key is None and identity.rung in _BY_STRUCTURE and Rung.R5 not in identity.rungs:
        return name_key(component.name_reported)
    return key


def name_key(name: str) -> str:
    """The provisional key of a name."""
    return f"N:{strict_key(without_remark(name))}"


def private(name: str) -> bool:
    """Whether a name may be a laboratory's own code, which says nothing at another's: no word of four letters."""
    return _WORD.search(name) is None


def _as_settled(component: Component, settlement: Settlement, catalogue: Catalogue) -> Component:
    """The component as if its report had said what it was settled as."""
    entry = catalogue.entry(settlement.substance)
    changed = {
        "name_reported": entry.name if entry else component.name_reported,
        "inchikey": entry.inchikey if entry else settlement.inchikey,
        "smiles": None if entry else settlement.smiles,
        "inchi": None,
        "cas": None,
        "isomer_status": None,
    }
    return component.model_copy(update=changed)
