"""Files that go out: text, tables, hOCR, searchable PDFs."""
