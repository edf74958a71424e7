"""The simulator's pages: the buttons that disturb it, and the one where a buyer approves."""
