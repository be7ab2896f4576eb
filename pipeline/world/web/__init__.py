"""The built-in bilingual web: WARC files of generated pages, with the truth about every record."""
