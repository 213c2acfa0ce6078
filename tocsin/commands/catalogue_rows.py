"""`tocsin catalogue add | import | export | log`: the substances of a site, version by version."""

import csv
import json
import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from alerts.catalogue import Row, shipped
from schemas.vocabularies import Category, SubstanceKind
from storage import catalogues, curating
from storage.curating import Curated, Decision
from tocsin import wiring
from tocsin.errors import Refusal

DataDir = Annotated[Path | None, typer.Option(help="The data directory of what runs.")]
Json = Annotated[bool, typer.Option("--json", help="For machines.")]
By = Annotated[str, typer.Option(help="The person who decides.")]
Reason = Annotated[str, typer.Option(help="Why, or the source; it is kept with the version.")]

COLUMNS = tuple(shipped().substances[0])


def add(
    name: Annotated[str, typer.Argument(help="The common name.")],
    by: By,
    reason: Reason,
    kind: Annotated[SubstanceKind, typer.Option(help="What it is to the market.")] = SubstanceKind.NPS,
    category: Annotated[Category, typer.Option(help="Its group.")] = Category.OTHER,
    subgroup: Annotated[str, typer.Option(help="nitazene, fentanyl …")] = "",
    smiles: Annotated[str, typer.Option(help="Its structure; key and InChIKey are computed.")] = "",
    synonym: Annotated[list[str] | None, typer.Option(help="Another name; may be given again.")] = None,
    cas: Annotated[list[str] | None, typer.Option(help="A CAS number; may be given again.")] = None,
    also: Annotated[
        list[str] | None, typer.Option("--set", metavar="COLUMN=VALUE", help="Any other column; may be given again.")
    ] = None,
    data_dir: DataDir = None,
    as_json: Json = False,
) -> None:
    """Add one substance, or put another row in the place of the one with its key. Workers take it within seconds."""
    row = dict.fromkeys(COLUMNS, "") | _keys(name, smiles) | _others(also or [])
    row |= {"name": name.strip(), "kind": kind.value, "category": category.value, "subgroup": subgroup}
    row |= {"synonyms": ";".join(synonym or []), "cas": ";".join(cas or []), "provenance": row["provenance"] or reason}
    _put([row], by=by, reason=reason, data_dir=data_dir, as_json=as_json)


def import_(
    file: Annotated[Path, typer.Argument(help="A CSV with the columns of `export`.")],
    by: By,
    reason: Reason,
    data_dir: DataDir = None,
    as_json: Json = False,
) -> None:
    """Add the substances of a file, all or none; rows that are there already and equal are left as they are."""
    _put(_read(file), by=by, reason=reason, data_dir=data_dir, as_json=as_json)


def export(data_dir: DataDir = None, as_json: Json = False) -> None:
    """The substances of now, as CSV on stdout."""
    engine = wiring.database(wiring.settings(data_dir), "catalogue")
    with engine.begin() as connection:
        found = catalogues.rows(connection).substances
    engine.dispose()
    if as_json:
        print(json.dumps(list(found), indent=2, ensure_ascii=False))
        return
    writer = csv.DictWriter(sys.stdout, COLUMNS, extrasaction="ignore", lineterminator="\n")
    writer.writeheader()
    writer.writerows(found)


def log(
    limit: Annotated[int, typer.Option(min=1, max=10_000)] = 20, data_dir: DataDir = None, as_json: Json = False
) -> None:
    """The versions, newest first: what reports and alerts were decided with, who made each and why."""
    engine = wiring.database(wiring.settings(data_dir), "catalogue")
    with engine.begin() as connection:
        found = catalogues.history(connection, limit=limit)
    engine.dispose()
    if as_json:
        shown = [
            {"number": one.number, "version": one.version, "at": one.at.isoformat(), "by": one.actor, "why": one.reason}
            for one in found
        ]
        print(json.dumps(shown, indent=2, ensure_ascii=False))
        return
    for one in found:
        print(f"{one.number:>4}  {one.version}  {one.at:%Y-%m-%d %H:%M}  {one.actor}: {one.reason}")


def register(app: typer.Typer) -> None:
    """Make them commands of `tocsin catalogue`."""
    app.command("add")(add)
    app.command("import")(import_)
    app.command("export")(export)
    app.command("log")(log)


def _keys(name: str, smiles: str) -> dict[str, str]:
    from alerts.chemistry import Structure, read_smiles, tautomer_key
    from alerts.settling import name_key

    if not smiles:
        return {"key": name_key(name)}
    found = read_smiles(smiles)
    if not isinstance(found, Structure):
        raise Refusal(f"The SMILES is not a structure: {found.reason}.")
    if len(found.parents) != 1:
        raise Refusal("The SMILES holds several substances: add each by itself.")
    parent = found.parents[0]
    keys = {"key": f"S:{parent.block}", "smiles": parent.smiles, "inchikey": parent.inchikey}
    return keys | {"tautomer_key": tautomer_key(parent.smiles) or ""}


def _others(given: Sequence[str]) -> dict[str, str]:
    pairs = dict(one.partition("=")[::2] for one in given)
    if unknown := sorted(pairs.keys() - set(COLUMNS)):
        raise Refusal(f"No column is called {', '.join(unknown)}; there are {', '.join(COLUMNS)}.")
    return pairs


def _read(file: Path) -> list[Row]:
    try:
        with file.open(encoding="utf-8-sig", newline="") as lines:
            found = list(csv.DictReader(lines))
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise Refusal(f"{file} cannot be read as CSV in UTF-8: {error}.") from None
    if not found or not {"key", "name", "kind", "category"} <= found[0].keys():
        raise Refusal(f"{file} has not the columns of the catalogue: take those of `tocsin catalogue export`.")
    return [{column: row.get(column) or "" for column in COLUMNS} for row in found]


def _put(rows: Sequence[Row], *, by: str, reason: str, data_dir: Path | None, as_json: bool) -> None:
    from alerts.admission import problems

    if not by.strip() or not reason.strip():
        raise Refusal("--by and --reason must say who decides and why; they are kept with the version.")
    engine = wiring.database(wiring.settings(data_dir), "catalogue")
    try:
        if found := problems(rows, wiring.catalogue(engine)):
            raise Refusal("Nothing was changed:\n" + "\n".join(found))
        with engine.begin() as connection:
            decision = Decision(by=by.strip(), reason=reason.strip(), at=datetime.now(UTC))
            done = curating.put_substances(connection, rows, decision)
    finally:
        engine.dispose()
    _tell(done, as_json)


def _tell(done: Curated, as_json: bool) -> None:
    if as_json:
        print(json.dumps({"version": done.edition.version, "changed": list(done.changed)}))
    elif done.changed:
        print(f"Version {done.edition.version}: {len(done.changed)} substances are new or changed.")
    else:
        print(f"Version {done.edition.version}: nothing is new.")
