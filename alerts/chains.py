"""Unidentified findings of one class and country: which of them belong together.

They share a case while each event is within 28 days of another of it; where the chain breaks, the older case closes.
The chains depend on the set of reports only: a late report may join two, a retraction may break one.
"""

from collections.abc import Sequence
from datetime import date

from alerts.cases import Case, CaseFile, Context, Filed, new_case
from alerts.counting import recount
from alerts.occurrences import connected
from alerts.ruleset import Windows
from schemas.vocabularies import CaseState, Tense


def regroup(file: CaseFile, context: Context) -> None:
    """Give every chain its case: the oldest that holds a report of it, else a new one; only the last stays open."""
    chains = _chains(file, context.grading.rules.windows_days)
    cases = {case.id: case for case in file.cases()}
    owners, merged = list[Case](), set[str]()
    for chain in chains:
        owner = _owner(chain, cases, owners) or _another(file, chain[0], cases)
        owners.append(owner)
        for item in chain:
            if item.case != owner.id:
                merged.add(item.case)
                refile(file, item, owner)
    emptied = [cases[one] for one in merged if one in cases and cases[one] not in owners]
    if _set_states(file, owners, emptied) or merged or file.ended:
        recount(file, context)


def refile(file: CaseFile, item: Filed, case: Case) -> None:
    """Move a report to another case under the same key."""
    filed = Filed(item.evidence, case.id)
    file.reports()[item.evidence.report] = filed
    file.added.append(filed)
    if case.opened_by is None:
        case.opened_by = item.evidence.report


def _chains(file: CaseFile, windows: Windows) -> list[list[Filed]]:
    """Reports of current cases in chains, oldest first. Withdrawn cases keep what is left in them."""
    withdrawn = {case.id for case in file.cases() if case.state is CaseState.RETRACTED}
    items = {
        item.evidence.report: item
        for item in file.reports().values()
        if item.evidence.tense is not Tense.ARCHIVAL and item.case not in withdrawn
    }
    chains: list[list[Filed]] = []
    until = date.min
    for reports in connected([item.evidence for item in items.values()], windows.twins):
        first = min(report.day for report in reports)
        if not chains or (first - until).days > windows.unidentified:
            chains.append([])
        chains[-1].extend(items[report.report] for report in reports)
        until = max(until, *(report.day for report in reports))
    return chains


def _owner(chain: Sequence[Filed], cases: dict[str, Case], taken: Sequence[Case]) -> Case | None:
    held = [cases[item.case] for item in chain if item.case in cases and cases[item.case] not in taken]
    return min(held, key=lambda case: case.ordinal, default=None)


def _another(file: CaseFile, first: Filed, cases: dict[str, Case]) -> Case:
    case = new_case(file, first.evidence)
    cases[case.id] = case
    return case


def _set_states(file: CaseFile, owners: Sequence[Case], emptied: Sequence[Case]) -> bool:
    """The last chain's case is open, earlier ones are closed, emptied ones moved into another. Whether any changed."""
    known = {case.id: case for case in (*file.cases(), *owners)}
    wanted = {case.id: CaseState.CLOSED for case in owners} | {case.id: CaseState.MOVED for case in emptied}
    if owners:
        last = owners[-1]
        wanted[last.id] = CaseState.CLOSED if last.decisions.shut else CaseState.OPEN
        file.current = last
    for earlier in owners[:-1]:
        earlier.decisions = earlier.decisions.model_copy(update={"shut": False})
    changed = [known[one] for one, state in wanted.items() if known[one].state is not state]
    for case in changed:
        case.state, case.touched = wanted[case.id], True
    file.ended = {case.id: case for case in known.values() if case is not file.current}
    for case in emptied:
        _hand_over(case, owners)
    return bool(changed)


def _hand_over(emptied: Case, owners: Sequence[Case]) -> None:
    """A case whose reports all went to others gives its thread to the oldest of them that has told nothing."""
    heir = next((case for case in owners if case.thread is None), None)
    if emptied.thread is not None and heir is not None:
        heir.thread, emptied.thread = emptied.thread, None
        heir.touched = True
