"""Grids and incidents for desktop maps and other programs: OGC API - Features, part 1 (17-069r4)."""
