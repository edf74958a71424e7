"""What other systems asked and were told."""
