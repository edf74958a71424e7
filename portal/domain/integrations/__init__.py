"""What other systems see and say: keys, ids, events, sessions, links of one task."""
