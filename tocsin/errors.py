"""What is said to a person who cannot get what they asked for: one sentence and an exit code."""

from typing import ClassVar, Final

OURS: Final = ("schemas", "alerts", "storage", "streams", "notifiers", "tocsin")


class Refusal(Exception):
    """Its message says what happened, where, and what to do."""

    exit_code: ClassVar[int] = 1


class WrongSetting(Refusal):
    """Names each wrong setting, its value (masked when secret) and what is allowed."""

    exit_code = 2


def single(error: Exception) -> Exception:
    """The first error of a group, which is the one that ended the others."""
    while isinstance(error, ExceptionGroup):
        error = error.exceptions[0]
    return error


def explained(error: Exception) -> str:
    """One sentence about an error that no command caught: ours speak for themselves, an engine's are put in words."""
    kind, said = type(error), " ".join(str(error).split())
    family = kind.__module__.partition(".")[0]
    if family in OURS:
        return said
    if isinstance(error, OSError) and error.filename:
        return f"{error.filename}: {error.strerror}."
    detail = f"({kind.__name__}: {said[:300]})" if said else f"({kind.__name__})"
    if family in ("psycopg", "sqlalchemy") and "Operational" in kind.__name__:
        return f"The database does not answer or refuses; check that it runs and TOCSIN_DATABASE__URL {detail}."
    if family in ("aiokafka", "kafka"):
        return f"Kafka does not answer or refuses; check that it runs and TOCSIN_KAFKA__BOOTSTRAP {detail}."
    return f"Something is wrong in Tocsin itself {detail}. Run it again with TOCSIN_LOG_LEVEL=debug to see where."
