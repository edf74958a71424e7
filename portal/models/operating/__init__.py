"""The installation itself: the audit chain, the journal, its health."""
