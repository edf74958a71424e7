"""A merchant's own: face, hosts, sections, links for the site."""
