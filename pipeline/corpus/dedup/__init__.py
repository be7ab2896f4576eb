"""Near-duplicates: signatures of pages, and groups of pages that share one."""
