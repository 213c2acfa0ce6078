"""Alerts in the Common Alerting Protocol 1.2 (OASIS, 2010): a message, its rules, its XML, and a strict reader."""

from notifiers.cap.export import exported
from notifiers.cap.message import Area, CapMessage, CapRefused, Info, Pair, Reference
from notifiers.cap.reading import read
from notifiers.cap.writing import written

__all__ = ["Area", "CapMessage", "CapRefused", "Info", "Pair", "Reference", "exported", "read", "written"]
