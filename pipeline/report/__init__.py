"""From the files of a finished run to what a person reads: statistics, claims C1..C14, figures,
report.md, index.html.
"""
