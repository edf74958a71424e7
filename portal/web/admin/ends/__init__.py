"""The desk's pages for ends: asked for, planned, and the dates that nobody knows."""
