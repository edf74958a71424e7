"""What the API stands on: its keys, how much each is used, and answers that are given again."""
