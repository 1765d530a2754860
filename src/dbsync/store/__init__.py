"""What dbsync keeps on disk, all of it below `<git common dir>/dbsync/`, for its owner only."""
