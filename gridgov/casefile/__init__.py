"""One file of an incident (案卷档案), for disputes and the archive: all there is on it, with the hashes."""
