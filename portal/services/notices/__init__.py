"""Who is told what, and when: every message, and the outbox that sends it."""
