"""The miniature world: problems, instruction data, benchmarks and a small bilingual web."""
