"""What is open to whom, for pages, for the API and for who asks most often in one statement."""
