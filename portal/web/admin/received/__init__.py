"""The desk's pages for requests that came by other ways than the button."""
