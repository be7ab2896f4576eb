"""Real data instead of the miniature world: data sets, the user's pages, the real benchmarks."""
