"""What decisions depend on, as it is in the database now."""

from dataclasses import replace

from sqlalchemy import Connection

from alerts.pipeline import Setting
from storage import catalogues, merging


def renewed(connection: Connection, setting: Setting) -> Setting:
    """The same with the newest catalogue and routes, which stay the newest until the transaction ends.

    Before all other locks but those of positions: a new version waits for who decides, and who decides for it.
    """
    edition = catalogues.hold(connection)
    setting = replace(setting, routes=merging.follow(connection, setting.routes))
    if setting.catalogue.version == edition.version:
        return setting
    return replace(setting, catalogue=catalogues.snapshot(connection, edition))
