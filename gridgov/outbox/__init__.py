"""Telling people who are not watching: a reader of the ledger that sends webhooks and e-mail."""
