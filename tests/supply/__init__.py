"""What a release is made of: which libraries it ships, under which licences, as a bill of materials."""
