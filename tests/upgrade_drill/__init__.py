"""`make upgrade-drill`: the release before at work while the database is brought to the newest schema beside it."""
