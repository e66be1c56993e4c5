"""Amounts of receipts by their labels, and the total as labels and sums agree on it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from functools import cached_property
from itertools import product
from math import prod

from frontend.extraction import labels
from frontend.extraction.amounts import Amount, find_amounts, plain
from frontend.extraction.fields import Found
from frontend.extraction.items import is_header
from frontend.extraction.sheet import Row, Sheet, Span

_WEIGHTS = {"rounded": 5, "grand": 4.6, "inclusive": 2.5, "total": 2, "subtotal": 0.5, "other": 0, "paid": -2}
"""How well a label names what was to be paid."""
_BY_PAYMENT, _BY_SUM, _BY_ROUNDING, _AGAIN = 3, 2, 4, 0.5
"""And how well other amounts confirm it; `_AGAIN`: it stands there once more."""
_MOST_TAX = Decimal("0.3")
"""Of the total: what is said to be included in it may be the tax."""
_MOST_OF_A_KIND, _MOST_BASES = 4, 12
"""So many amounts are tried in sums."""
RELIABLE, DOUBTFUL, CONTRADICTED, LABELLED = 0.99, 0.9, 0.5, 0.95
"""How often totals are right: with other evidence, by their label alone, and where the payment or a rounding
does not fit; and how often other amounts are."""
_MOST_ROUNDING = 1
"""A larger amount is none."""


@dataclass(frozen=True)
class LabelledAmount:
    """The last amount of a row, and which kind of labels.AMOUNTS the row has."""

    kind: str
    amount: Amount
    row: Row

    @property
    def value(self) -> Decimal:
        return self.amount.value

    @property
    def spans(self) -> list[Span]:
        return self.row.spans(self.amount.start, self.amount.end)

    @property
    def confidence(self) -> float:
        return prod(span.confidence for span in self.spans)


@dataclass(frozen=True)
class Totals:
    """The labelled amounts of a receipt."""

    amounts: Sequence[LabelledAmount]

    def of(self, *kinds: str) -> list[LabelledAmount]:
        return [one for one in self.amounts if one.kind in kinds]

    @property
    def first_row(self) -> Row | None:
        """The first row of a sum, below the items."""
        kinds = {"subtotal", "inclusive", "grand", "rounded", "total", "none", "service", "rounding", "paid"}
        return next((one.row for one in self.amounts if one.kind in kinds), None)

    def total(self) -> Found | None:
        """What was to be paid; amounts of other rows need evidence."""
        candidates = [one for one in self.of(*_WEIGHTS) if one.value > 0]
        best = max(filter(self._may_be_total, candidates), key=self._score, default=None)
        if best is None:
            return None
        evidence = self._evidence(best)
        same = [one for one in candidates if one.value == best.value]
        apart = 1 - prod(1 - one.confidence for one in [*same, *self._paid(best.value)])
        agreement = max(apart if len(same) > 1 else 0.0, 0.99 if evidence else 0.0)
        surest = max(same, key=lambda one: one.confidence)
        is_other = any(self._values("rounding")) or (self._values("paid") and any(self._values("change")))
        by_label = CONTRADICTED if is_other and len(same) == 1 else DOUBTFUL
        return Found(plain(best.value), surest.spans, RELIABLE if evidence else by_label, agreement=agreement)

    def subtotal(self) -> Found | None:
        return self._last("subtotal")

    def tax(self, total: Found | None) -> Found | None:
        """The tax, with the check `total`: whether it and the subtotal make the total, if known."""
        found, subtotal = self._last("tax"), self._last("subtotal")
        if found is None or total is None or subtotal is None:
            return found
        tax, rest = Decimal(found.value), Decimal(total.value) - Decimal(subtotal.value)
        extra = [[Decimal(0), *self._values(kind)] for kind in ("service", "rounding")]
        less = [Decimal(0), *map(abs, self._values("discount"))]
        fits = any(t + s + r - d == rest for t, s, r, d in product((tax, Decimal(0)), *extra, less))
        return found.checked(total=fits)

    def payment(self) -> Found | None:
        """How it was paid: the first row of money received that says by what."""
        for one in self.of("paid"):
            before = one.row.text[: one.amount.start]
            if method := labels.kind_of(before, labels.PAYMENTS):
                return Found(method, one.row.spans(0, one.amount.start), 0.95)
        return None

    def _last(self, kind: str) -> Found | None:
        """The last amount of this kind, the surest of those that say the same."""
        found = self.of(kind)
        if not found:
            return None
        same = [other for other in found if other.value == found[-1].value]
        surest = max(same, key=lambda other: other.confidence)
        return Found(plain(surest.value), surest.spans, LABELLED)

    def _may_be_total(self, candidate: LabelledAmount) -> bool:
        return _WEIGHTS[candidate.kind] >= _WEIGHTS["total"] or self._evidence(candidate) > 0

    def _score(self, candidate: LabelledAmount) -> tuple[float, float]:
        again = self._labelled[candidate.value] - 1
        return _WEIGHTS[candidate.kind] + self._evidence(candidate) + _AGAIN * min(
            again, 2
        ), candidate.confidence

    def _evidence(self, candidate: LabelledAmount) -> float:
        """How well payment, the sum of other amounts, or rounding confirm this total; 0 if none does."""
        value = candidate.value
        is_paid = any(
            value + rounding in self._payments for rounding in (Decimal(0), *self._values("rounding"))
        )
        by_payment = _BY_PAYMENT * (candidate.kind != "paid" and is_paid)
        return by_payment + _BY_SUM * (value in self._sums) + _BY_ROUNDING * (value in self._rounded)

    @cached_property
    def _labelled(self) -> Counter[Decimal]:
        """Sums by their labels, and how often each stands there."""
        return Counter(one.value for one in self.of(*_WEIGHTS) if _WEIGHTS[one.kind])

    def _paid(self, value: Decimal) -> list[LabelledAmount]:
        return [one for one in self.of("paid") if one.value == value]

    @cached_property
    def _payments(self) -> set[Decimal]:
        """What was received, less the change; what was received may be labelled like a sum."""
        changes = [abs(change) for change in self._values("change")]
        paid = [abs(paid) for paid in self._values("paid")]
        exact = {paid - change for paid, change in product(paid, changes or [Decimal(0)])}
        return exact | {total - change for total, change in product(self._labelled, changes) if change}

    @cached_property
    def _sums(self) -> set[Decimal]:
        """Of a subtotal or another sum, and of tax, service charge, discount and rounding or some of them."""
        parts = [[Decimal(0), *self._values(kind)] for kind in ("tax", "service", "rounding")]
        less = [Decimal(0), *map(abs, self._values("discount"))]
        bases = list(self._labelled)[-_MOST_BASES:]
        every = product(bases, *parts, less)
        return {base + t + s + r - d for base, t, s, r, d in every if t or s or r or d}

    @cached_property
    def _rounded(self) -> set[Decimal]:
        """Sums with a rounding that is not nothing."""
        return {total + less for total, less in product(self._labelled, self._values("rounding")) if less}

    def _values(self, kind: str) -> list[Decimal]:
        """The different amounts of a kind; of many the last ones, where a receipt sums up."""
        return list(dict.fromkeys(one.value for one in self.of(kind)))[-_MOST_OF_A_KIND:]


def find_totals(sheet: Sheet) -> Totals:
    """The labelled amounts from the top down to where taxes are summed up."""
    found = list(_labelled(sheet))
    most = max((one.value for one in found if one.kind in {"subtotal", "total", "grand"}), default=Decimal(0))
    return Totals([replace(one, kind=_kind(one, most)) for one in found])


def _kind(one: LabelledAmount, most: Decimal) -> str:
    """The kind of an amount, where its size speaks against that of its label."""
    if one.kind == "inclusive" and one.value < _MOST_TAX * most:
        return "tax"
    return "other" if one.kind == "rounding" and abs(one.value) >= _MOST_ROUNDING else one.kind


def _labelled(sheet: Sheet) -> Iterator[LabelledAmount]:
    for at, row in enumerate(sheet.rows):
        amounts = list(find_amounts(row.text))
        own = _without(row.text, amounts)
        if labels.kind_of(own, labels.TAX_SUMMARY):
            return
        if amounts:
            is_bare = not labels.fold_label(own).replace("rm", "")
            label = _label_beside(sheet.rows, at) if is_bare else own
            yield LabelledAmount(labels.kind_of(label, labels.AMOUNTS) or "other", amounts[-1], row)


def _label_beside(rows: Sequence[Row], at: int) -> str:
    """The label of an amount that has a row of its own: the nearer of the rows around it without amounts.

    On pages that are not straight a label and its amount may come apart.
    """
    around = [rows[near] for near in (at - 1, at + 1) if 0 <= near < len(rows)]
    found = [row for row in around if not any(find_amounts(row.text)) and not is_header(row.text)]
    nearest = min(found, key=lambda row: abs(row.middle - rows[at].middle), default=None)
    return nearest.text if nearest else ""


def _without(text: str, amounts: Sequence[Amount]) -> str:
    for amount in reversed(amounts):
        text = text[: amount.start] + " " + text[amount.end :]
    return text
