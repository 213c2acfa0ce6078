"""Components as a laboratory would report them, and the shipped catalogue, for the tests of identity."""

from alerts.catalogue import load
from alerts.identity import Identity, identify
from schemas.detections import Component
from schemas.vocabularies import ComponentRole, Identification, IsomerStatus, Method, ReferenceStandard

CATALOGUE = load()

MEPHEDRONE = "CNC(C)C(=O)c1ccc(C)cc1"
FENTANYL = "CCC(=O)N(c1ccccc1)C1CCN(CCc2ccccc2)CC1"
HEROIN = "CC(=O)Oc1ccc2c3c1O[C@H]1[C@@H](OC(C)=O)C=C[C@H]4[C@@H](C2)N(C)CC[C@@]341"
CAFFEINE = "Cn1c(=O)c2c(ncn2C)n(C)c1=O"


def reported(
    name: str = "a name nobody knows",
    *,
    smiles: str | None = None,
    inchi: str | None = None,
    inchikey: str | None = None,
    cas: str | None = None,
    isomer_status: IsomerStatus | None = None,
    role: ComponentRole = ComponentRole.MAIN_ACTIVE,
) -> Component:
    """A component with just these identifiers."""
    return Component(
        name_reported=name,
        smiles=smiles,
        inchi=inchi,
        inchikey=inchikey,
        cas=cas,
        isomer_status=isomer_status,
        role=role,
        methods=(Method.GC_MS,),
        reference_standard=ReferenceStandard.UNKNOWN,
        identification=Identification.IDENTIFIED,
    )


def identities(component: Component, *, sample: str = "EX-1") -> tuple[Identity, ...]:
    """The substances of a component, by the shipped catalogue."""
    return identify(component, laboratory="si-example", sample=sample, catalogue=CATALOGUE)


def identity(component: Component, *, sample: str = "EX-1") -> Identity:
    """The one substance of a component."""
    (only,) = identities(component, sample=sample)
    return only


def key_of(smiles: str) -> str:
    """The substance key of a structure alone."""
    return identity(reported(smiles=smiles)).key
