"""What the desk keeps for itself: figures, views, files that come in and go out."""
