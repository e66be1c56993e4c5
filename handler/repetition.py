"""How long a regular expression is once its counted repetitions are written out.

The library does write them out: ten characters may take the memory of the machine.
"""

import regex

_PART = regex.compile(
    r"""(?P<nothing>[*+?\s] | \(\?\#[^)]*\)) | \\. | \[\^?\]?(?:\\.|[^\]\\])*\] | (?P<open>\() | (?P<close>\))
    | \{ (?P<least>\d*) (?:,(?P<most>\d*))? \} | .""",
    regex.DOTALL | regex.VERBOSE,
)
"""What comes between a part and its count, an escape, a class, a bracket, a count, or any other character."""
_CALL = regex.compile(r"\(\?(?:R|[+-]?\d+|&|P>)")
_VERBOSE = regex.compile(r"\(\?[a-zA-Z-]*x")
_DIGITS = 6
"""Of a count that is looked at closely; a longer one is larger than any that is allowed."""


def calls_itself(pattern: str) -> bool:
    """Whether a group, or all of it, is called from elsewhere, as in (?R) or (?1)."""
    return bool(_CALL.search(pattern))


def is_verbose(pattern: str) -> bool:
    """Whether it may have comments and spaces that do not count, as after (?x)."""
    return bool(_VERBOSE.search(pattern))


def written_out(pattern: str) -> int:
    """The parts of a pattern, each as often as it is repeated at most."""
    sizes = [0]  # of what is open: the whole, a group in it, a group in that
    last = 0
    for part in _PART.finditer(pattern):
        if part["open"]:
            sizes.append(0)
            last = 0
        elif part["close"] and len(sizes) > 1:
            last = 1 + sizes.pop()
            sizes[-1] += last
        elif part["least"] is not None and (count := _count(part["most"] or part["least"])) > 1:
            sizes[-1] += last * (count - 1)
            last *= count
        elif part["least"] is None and part["nothing"] is None:
            last = 1
            sizes[-1] += 1
    return sum(sizes)


def _count(digits: str) -> int:
    return int(digits[: _DIGITS + 1] or 1)
