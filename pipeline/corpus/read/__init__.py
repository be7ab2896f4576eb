"""From WARC files, WET files and folders of HTML to pages."""
