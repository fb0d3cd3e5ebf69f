"""Why a database that works cannot be used."""

from __future__ import annotations


class RefusedError(Exception):
    """What is in the database forbids it; the text says what, and what to do. ``Database`` explains it."""
