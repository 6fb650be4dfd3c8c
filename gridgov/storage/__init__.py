"""Tables, the writer, the ledger and what is derived from it."""
