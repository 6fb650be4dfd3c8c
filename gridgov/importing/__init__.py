"""Another system's history: a mapping file says how its table is read, and every row is accounted for."""
