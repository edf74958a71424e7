"""The audit chain and the timeline: what happened, kept so that nobody can change it unseen."""
