"""Receipts and invoices as data: fields from the lines of a page, by rules over where they stand."""
