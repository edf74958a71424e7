"""What other systems may ask of the portal, and what they are told."""
