"""Every table of the program; importing this package loads all of them into one `metadata`."""

import importlib
import pkgutil

from storage.tables.base import metadata

for _module in pkgutil.iter_modules(__path__):
    importlib.import_module(f"{__name__}.{_module.name}")

__all__ = ["metadata"]
