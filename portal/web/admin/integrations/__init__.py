"""The desk's pages about other systems: what they are told."""
