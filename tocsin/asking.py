"""Makes a component from bare identifiers, to ask the ladder about it without a report around it."""

from pydantic import ValidationError

from schemas.characters import clean
from schemas.detections import Component
from schemas.vocabularies import ComponentRole, Identification, Method, ReferenceStandard
from tocsin.errors import Refusal


class Unaskable(Refusal):
    """A text that no report may hold either; names the field and says why."""


def component(
    name: str,
    *,
    smiles: str | None = None,
    inchi: str | None = None,
    inchikey: str | None = None,
    cas: str | None = None,
) -> Component:
    """The component; hidden characters are taken out of its name as they are from a report. Raises Unaskable."""
    try:
        return Component(
            name_reported=clean(name, lines=False).strip(),
            smiles=smiles,
            inchi=inchi,
            inchikey=inchikey,
            cas=cas,
            role=ComponentRole.MAIN_ACTIVE,
            methods=(Method.OTHER,),
            reference_standard=ReferenceStandard.UNKNOWN,
            identification=Identification.IDENTIFIED,
        )
    except ValidationError as error:
        first = error.errors()[0]
        field = ".".join(map(str, first["loc"])).replace("name_reported", "name")
        raise Unaskable(f"{field} {first['msg'][:1].lower()}{first['msg'][1:]}") from None
