"""What the law asks to be kept and shown."""
