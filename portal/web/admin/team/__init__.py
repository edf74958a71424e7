"""The desk's pages of the team, and of one's own log-in."""
