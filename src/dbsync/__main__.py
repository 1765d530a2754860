"""`python -m dbsync`: what the hooks start."""

from dbsync.cli.main import main

if __name__ == "__main__":
    main()
