"""Who: addresses, invitations, members of an account, keys they log in with."""
