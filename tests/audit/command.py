"""`make audit`: are the pinned versions known to be weak?

    python -m tests.audit.command [OPTION…]  # options are for pip-audit, such as -s osv

Ends with 1 if one is, unless tests/audit/advisories.toml says why that does no harm here.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Sequence

from tests.audit import advisories, bundled
from tests.audit.advisories import Finding, UnreachedError
from tests.audit.dependencies import SERVICE, pinned, unlisted

_ADVICE = "Pin another version, or say in tests/audit/advisories.toml why it does no harm here."


def main(options: Sequence[str]) -> int:
    """Report; the exit status."""
    versions = pinned() | bundled.versions()
    print(f"{len(pinned())} packages are pinned, {len(pinned(SERVICE))} of them for the service.")
    missing = list(unlisted())
    for sentence in missing:
        print(f"Not in tests/audit/dependencies.toml: {sentence}")
    findings = {*advisories.in_list(versions), *_asked(options)}
    refused = _report(sorted(findings, key=lambda finding: (finding.package, sorted(finding.ids))))
    print(f"{len(findings)} known weaknesses, {len(findings) - refused} of them accepted with a reason.")
    return 1 if refused or missing else 0


def _asked(options: Sequence[str]) -> list[Finding]:
    try:
        found, unknown = advisories.in_database(options)
    except UnreachedError as error:
        print(f"pip-audit's database was NOT reached ({error}).")
        print("Versions were only compared with tests/audit/advisories.toml,")
        print(f"gathered on {advisories.gathered()}: what is newer, or was never entered, is not found.")
        return []
    if unknown:
        print(f"pip-audit's database does not know: {', '.join(sorted(unknown))}.")
    print("pip-audit's database was asked.")
    print("What wheels bundle is compared with tests/audit/advisories.toml alone.")
    return found


def _report(findings: Iterable[Finding]) -> int:
    """Print all findings; how many of them nobody has accepted."""
    refused = 0
    for finding in findings:
        reasons = [accepted for accepted in advisories.accepted() if accepted.covers(finding)]
        refused += not reasons
        names = ", ".join(sorted(finding.ids))
        print(f"{'accepted' if reasons else 'REFUSED'}: {finding.package} {finding.version}: {names}")
        for accepted in reasons:
            print(f"    {accepted.reason} ({accepted.checked})")
        if not reasons:
            print(f"    {finding.about}. {_ADVICE}")
    return refused


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
