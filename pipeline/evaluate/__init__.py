"""Benchmarks, protocols and metrics (FACTS section 7; Figure 7): questions x model -> samples with
verdicts -> scores."""
