"""Paper: a page cut in parts, each part drawn once, the drawings joined into one tagged file. See ADR 0025."""
