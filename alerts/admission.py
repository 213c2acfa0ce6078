"""Whether rows may become part of the catalogue: structures recompute, words are known, no name means two things."""

from collections.abc import Iterable, Iterator

from alerts import chemistry
from alerts.catalogue import Catalogue, Row, entry_of
from alerts.chemistry import Structure
from alerts.identity import is_cas
from alerts.names import strict_key


def problems(rows: Iterable[Row], catalogue: Catalogue) -> tuple[str, ...]:
    """Each problem of each row as a sentence; `catalogue` is what they are added to."""
    return tuple(f"{row.get('name') or row.get('key')}: {one}" for row in rows for one in _of(row, catalogue))


def _of(row: Row, catalogue: Catalogue) -> Iterator[str]:
    try:
        entry = entry_of(row)
    except (KeyError, ValueError) as error:
        yield f"the row cannot be read ({error}): take the columns and words of `tocsin catalogue export`"
        return
    if not entry.name.strip() or not entry.provenance.strip():
        yield "a name and a provenance are needed: say where the substance is described"
    yield from structure_problems(entry.key, entry.smiles, entry.inchikey)
    for cas in entry.cas:
        if not is_cas(cas):
            yield f"the CAS number {cas} has a wrong check digit: correct it or leave it out"
    for name in entry.names:
        others = catalogue.by_name(strict_key(name)) - {entry.key}
        if others:
            yield f"the name {name!r} is that of {', '.join(sorted(others))} already: leave it out here or there"


def structure_problems(key: str, smiles: str | None, inchikey: str | None) -> Iterator[str]:
    """The stated keys must be those of the structure; without one a substance is known by name only."""
    if smiles is None:
        if inchikey is not None and key != f"S:{inchikey[:14]}":
            yield f"the key {key} is not that of the InChIKey {inchikey}: write S: and its first 14 letters"
        return
    found = chemistry.read_smiles(smiles)
    if not isinstance(found, Structure):
        yield f"the SMILES is not a structure: {found.reason}"
    elif len(found.parents) != 1:
        yield "the SMILES holds several substances: one row is one substance"
    elif key != f"S:{found.parents[0].block}" or inchikey not in (None, found.parents[0].inchikey):
        yield f"key and InChIKey do not follow from the SMILES: it gives {found.parents[0].inchikey}"
