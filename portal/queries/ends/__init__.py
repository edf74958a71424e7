"""Ends and pauses: asked, carried out, in bulk, grown old; coming back."""
