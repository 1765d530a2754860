"""What a tree and `git config` say: the migration environments, the settings, the interpreter to use."""
