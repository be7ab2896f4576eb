"""The built-in miniature world: problems with truth, instruction data, benchmarks and a small bilingual web, from a seed."""
