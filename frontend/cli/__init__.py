"""The command `ocr`, a client of a running service."""
