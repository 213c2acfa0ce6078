"""Reads the settings and says what is wrong with them: one sentence per problem, secrets masked, sources named."""

import difflib
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from pathlib import Path
from typing import Final
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

from pydantic import BaseModel, SecretStr, ValidationError
from pydantic.fields import FieldInfo
from pydantic_core import ErrorDetails
from pydantic_settings import SettingsError

from tocsin.errors import WrongSetting
from tocsin.settings import DELIMITER, PREFIX, SECRETS_DIR, Allowed, Settings, secret_files

MASK: Final = "********"
OTHER_VARIABLES: Final = frozenset({SECRETS_DIR, "TOCSIN_CACHE_DIR", "TOCSIN_MAVEN_URL", "TOCSIN_TEST_ENGINES"})
"""Read where they are needed and no part of the settings."""


class Source(StrEnum):
    """Where a value came from."""

    ARGUMENT = "command line"
    ENVIRONMENT = "environment"
    SECRET_FILE = "secret file"
    DATA_DIRECTORY = "data directory"
    DEFAULT = "default"


@dataclass(frozen=True)
class Leaf:
    """One setting: the path to it in the model, and its field."""

    path: tuple[str, ...]
    field: FieldInfo

    @property
    def variable(self) -> str:
        """Its environment variable."""
        return PREFIX + DELIMITER.join(self.path).upper()

    @property
    def secret(self) -> bool:
        """Whether its value is never shown."""
        return "SecretStr" in str(self.field.annotation)

    def value(self, settings: Settings) -> object:
        """Its value in one settings object."""
        found: object = settings
        for name in self.path:
            found = getattr(found, name)
        return found


def leaves(model: type[BaseModel] = Settings, path: tuple[str, ...] = ()) -> Iterator[Leaf]:
    """Every setting there is."""
    for name, field in model.model_fields.items():
        kind = field.annotation
        if isinstance(kind, type) and issubclass(kind, BaseModel):
            yield from leaves(kind, (*path, name))
        else:
            yield Leaf((*path, name), field)


def read(*, data_dir: Path | None = None) -> Settings:
    """The settings of this process; raises one `WrongSetting` that names every problem."""
    _refuse_whole_sections()
    try:
        return Settings() if data_dir is None else Settings(data_dir=data_dir)
    except ValidationError as error:
        sentences = dict.fromkeys(_sentence(problem) for problem in error.errors())
        raise WrongSetting("\n".join(sentences)) from None
    except (SettingsError, OSError) as error:
        raise WrongSetting(f"{SECRETS_DIR} is {os.environ.get(SECRETS_DIR)!r} and cannot be read: {error}.") from None


def known_variables() -> frozenset[str]:
    """Every variable that means something to us."""
    return frozenset(leaf.variable for leaf in leaves()) | OTHER_VARIABLES


def unknown_variables(environment: Mapping[str, str] = os.environ) -> Iterator[str]:
    """A sentence for each `TOCSIN_` variable that sets nothing: most likely a misspelling."""
    known = known_variables()
    for name in sorted(environment):
        if name.startswith(PREFIX) and name not in known:
            near = difflib.get_close_matches(name, known, n=1, cutoff=0.6)
            hint = f"; did you mean {near[0]}?" if near else "; `tocsin settings show` lists those there are."
            yield f"{name} is not a setting and does nothing{hint}"


def source(leaf: Leaf, environment: Mapping[str, str] = os.environ) -> Source:
    """Where this setting's value came from."""
    if any(name.upper() == leaf.variable and value for name, value in environment.items()):
        return Source.ENVIRONMENT
    if any(file.name.upper() == leaf.variable for file in secret_files(environment)):
        return Source.SECRET_FILE
    return Source.DEFAULT


def shown(value: object) -> str | None:
    """A value as people may see it: secrets masked, also the password inside a URL."""
    match value:
        case None:
            return None
        case SecretStr():
            return masked_url(value.get_secret_value())
        case timedelta():
            return f"{value.total_seconds():g}s"
        case tuple():
            return ",".join(map(str, value))
        case _:
            return str(value)


def masked_url(text: str) -> str:
    """A database URL without its password; anything else disappears whole."""
    try:
        parts = urlsplit(text)
        host = f"{parts.hostname}:{parts.port}" if parts.port else parts.hostname
    except ValueError:
        return MASK
    if parts.scheme not in ("postgresql", "postgres") or not host:
        return MASK
    login = f"{parts.username}:{MASK}@" if parts.password else f"{parts.username}@" if parts.username else ""
    query = urlencode([(k, MASK if "password" in k else v) for k, v in parse_qsl(parts.query)], safe="*")
    return urlunsplit((parts.scheme, login + host, parts.path, query, ""))


def _sentence(problem: ErrorDetails) -> str:
    if problem["type"] == "setting":
        return problem["msg"]
    leaf = _leaf_of(problem["loc"])
    if leaf is None:
        name = PREFIX + DELIMITER.join(str(part) for part in problem["loc"]).upper()
        return f"{name} is not a setting; `tocsin settings show` lists those there are."
    value = os.environ.get(leaf.variable, str(problem["input"]))
    said = masked_url(value) if leaf.secret else value
    return f"{leaf.variable} is {said!r}, which is not allowed; allowed: {allowed(leaf)}."


def allowed(leaf: Leaf) -> str:
    """What this setting may be, in words."""
    text = _annotated(leaf.field)
    if text:
        return text
    kind = leaf.field.annotation
    if isinstance(kind, type) and issubclass(kind, StrEnum):
        return ", ".join(kind)
    return "text"


def _annotated(field: FieldInfo) -> str | None:
    """The `Allowed` of a field, also inside `… | None`."""
    candidates = [*field.metadata]
    for part in getattr(field.annotation, "__args__", ()):
        candidates.extend(getattr(part, "__metadata__", ()))
    return next((str(item) for item in candidates if isinstance(item, Allowed)), None)


def _leaf_of(location: tuple[int | str, ...]) -> Leaf | None:
    for leaf in leaves():
        if location[: len(leaf.path)] == leaf.path:
            return leaf
    return None


def _refuse_whole_sections() -> None:
    """`TOCSIN_KAFKA={…}` would be taken as JSON: one more way to set a thing, with errors of its own."""
    sections = {PREFIX + leaf.path[0].upper() for leaf in leaves() if len(leaf.path) > 1}
    for name in sorted(os.environ):
        if name.upper() in sections:
            raise WrongSetting(f"{name} cannot be set as a whole: set its parts, such as {name}{DELIMITER}….")
