"""Closure figures counted from the facts the ledger holds."""
