"""What anybody declares on the public pages: written down, acknowledged, matched, carried out."""
