"""`tocsin catalogue explain | check` and what changes its rows: why something is a substance, and whether all holds."""

import json
from pathlib import Path
from typing import Annotated

import typer

from alerts.catalogue import Catalogue, Row, Rows, load, shipped
from tocsin.commands import catalogue_rows
from tocsin.errors import Refusal

app = typer.Typer(no_args_is_help=True, help="Ask the catalogue why, prove it, and change it.")
catalogue_rows.register(app)

_Json = Annotated[bool, typer.Option("--json", help="For machines.")]
_DataDir = Annotated[
    Path | None, typer.Option(help="Ask the catalogue that the site in this directory works with, not the shipped one.")
]


@app.command()
def explain(
    text: Annotated[
        str | None, typer.Argument(help="A name, SMILES, InChI, InChIKey or CAS number.", metavar="TEXT")
    ] = None,
    name: Annotated[str | None, typer.Option(help="As the laboratory wrote it.")] = None,
    smiles: Annotated[str | None, typer.Option()] = None,
    inchi: Annotated[str | None, typer.Option("--inchi")] = None,
    inchikey: Annotated[str | None, typer.Option("--inchikey")] = None,
    cas: Annotated[str | None, typer.Option()] = None,
    data_dir: _DataDir = None,
    as_json: _Json = False,
) -> None:
    """Which substance is it, and why? Several identifiers are those of one component. Exit code 1: it is unknown."""
    from tocsin.explaining import Kind, kind_of
    from tocsin.explaining import explain as explained

    catalogue = _catalogue(data_dir)
    given = {Kind.NAME: name, Kind.SMILES: smiles, Kind.INCHI: inchi, Kind.INCHIKEY: inchikey, Kind.CAS: cas}
    stated = {kind: value for kind, value in given.items() if value and value.strip()}
    if text and text.strip():
        stated.setdefault(kind_of(text, catalogue), text)
    if not stated:
        raise Refusal("Nothing is asked: give a name, SMILES, InChI, InChIKey or CAS number.")
    found = explained(stated, catalogue)
    if as_json:
        print(found.model_dump_json(indent=2))
    else:
        for line in found.lines():
            print(line)
    raise typer.Exit(1 if all(one.rung == "R6" for one in found.substances) else 0)


@app.command()
def check(
    file: Annotated[
        Path | None, typer.Argument(help="Substances in the form of `export`; the shipped ones if left out.")
    ] = None,
    as_json: _Json = False,
) -> None:
    """Prove every row: keys recompute, numbers are valid, words are known, no name means two. Exit code 1: no."""
    from alerts.catalogue_check import Part, flaws

    rows, lines = _rows(file)
    found = flaws(rows)
    places = {part: part.value for part in Part} | ({Part.SUBSTANCES: str(file)} if file else {})
    told = [
        {
            "file": places[flaw.part],
            "line": lines[flaw.row] if flaw.part is Part.SUBSTANCES else flaw.row + 2,
            "name": flaw.name,
            "problem": flaw.sentence,
        }
        for flaw in found
    ]
    checked = {part: len(listed) for part, listed in zip(Part, vars(rows).values(), strict=True)}
    if as_json:
        print(json.dumps({"rows": checked, "problems": told}, indent=2, ensure_ascii=False))
    else:
        for one in told:
            print(f"{one['file']}:{one['line']}: {one['name']}: {one['problem']}")
        counted = ", ".join(f"{number:,} in {part}" for part, number in checked.items())
        print(f"Rows checked: {counted}. Problems: {len(told)}.")
    raise typer.Exit(1 if told else 0)


def _catalogue(data_dir: Path | None) -> Catalogue:
    if data_dir is None:
        return load()
    from tocsin import wiring

    engine = wiring.database(wiring.settings(data_dir), "catalogue")
    try:
        return wiring.catalogue(engine)
    finally:
        engine.dispose()


def _rows(file: Path | None) -> tuple[Rows, list[int]]:
    """The three lists and the line of each substance; a file of one's own goes with the shipped other two."""
    ours = shipped()
    if file is None:
        return ours, [number + 2 for number in range(len(ours.substances))]
    from tocsin.evaluation.tables import read

    found = read(file, columns=("key", "name", "synonyms", "kind", "category", "provenance"))
    empty: Row = dict.fromkeys(ours.substances[0], "")
    substances = tuple({**empty, **one.cells} for one in found)
    return (
        Rows(substances=substances, stereo_variants=ours.stereo_variants, street_names=ours.street_names),
        [one.line for one in found],
    )
