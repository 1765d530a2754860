"""What a commit may bring that is missing or wrong: heads, history, danger, drift. Nothing here prints or moves."""
