"""Inputs that nobody would send on purpose, and whether nothing but documented answers comes."""
