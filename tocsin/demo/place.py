"""Where the demo keeps everything: a directory of its own, and what was fixed there at the first run."""

import shutil
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from pydantic import AwareDatetime, ValidationError

from schemas.base import Frozen
from tocsin.demo.replay import shift_to
from tocsin.embedded.directory import DataDirectory, DataPurpose
from tocsin.embedded.kafka import Kafka
from tocsin.embedded.ports import choose
from tocsin.embedded.processes import Say, child_mark, end_orphans
from tocsin.errors import Refusal
from tocsin.settings import Settings

DEFAULT: Final = Path("var/demo")
_STAYS: Final = frozenset({"lock", "purpose"})


class Kept(Frozen):
    """What the first run fixed: the same reports at the same receiver, however often it runs."""

    began: AwareDatetime
    shift_days: int
    receiver_port: int


def own_settings(settings: Settings) -> Settings:
    """The settings of a demo, in its own directory. Refuses engines or a relay that are not its own."""
    given = {
        "TOCSIN_KAFKA__BOOTSTRAP": settings.kafka.bootstrap,
        "TOCSIN_DATABASE__URL": settings.database.url,
        "TOCSIN_SMTP__HOST": settings.smtp.host,
    }
    for variable, value in given.items():
        if value is not None:
            raise Refusal(
                f"{variable} is set, and the demo uses only engines and a mailbox of its own, so that nothing of it "
                f"can reach anybody: unset {variable}, or use `tocsin up`."
            )
    chosen = settings.data_dir if "data_dir" in settings.model_fields_set else DEFAULT
    return settings.model_copy(update={"data_dir": chosen})


def open_for_demo(directory: DataDirectory, *, fresh: bool, say: Say) -> None:
    """Make sure that the directory is the demo's or may become it; `fresh` empties it."""
    purpose = _purpose(directory.path)
    if purpose is None and directory.path.is_dir() and any(directory.path.iterdir()):
        raise Refusal(
            f"{directory.path} is not empty and not a demo's: the demo wants a directory of its own. "
            "Name another with --data-dir; it is made."
        )
    if purpose is not None and purpose != DataPurpose.DEMO:
        raise Refusal(
            f"{directory.path} was made for `{purpose}` and is not used for `{DataPurpose.DEMO}`. "
            "Choose another directory with --data-dir."
        )
    with directory.held(DataPurpose.DEMO):
        if fresh:
            _empty(directory, say)


def kept(directory: DataDirectory) -> Kept:
    """What was fixed here, or is fixed now because this is the first run."""
    file = directory.path / "demo.json"
    if not file.exists():
        began = datetime.now(UTC).replace(microsecond=0)
        fixed = Kept(began=began, shift_days=shift_to(began.date()), receiver_port=choose([0])[0])
        new = file.with_suffix(".new")
        new.write_text(fixed.model_dump_json())
        new.rename(file)
    try:
        return Kept.model_validate_json(file.read_bytes())
    except ValidationError:
        raise Refusal(f"{file} cannot be read: start anew with `tocsin demo --fresh`.") from None


def _purpose(path: Path) -> str | None:
    mark = path / "purpose"
    return mark.read_text().strip() if mark.exists() else None


def _empty(directory: DataDirectory, say: Say) -> None:
    """Remove everything of an earlier demo. The caller holds the directory, and its mark says `demo`."""
    home = Path(directory.state().postgres_home or directory.path / "postgres")
    end_orphans(frozenset({Kafka.mark(directory.path), child_mark(directory.path), str(home / "data")}), say)
    if (home / "data" / "PG_VERSION").exists():
        shutil.rmtree(home)
    for entry in directory.path.iterdir():
        if entry.name not in _STAYS:
            _remove(entry)


def _remove(entry: Path) -> None:
    if entry.is_dir() and not entry.is_symlink():
        shutil.rmtree(entry)
    else:
        entry.unlink()
