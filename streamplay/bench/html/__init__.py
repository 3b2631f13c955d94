"""The report as one file: offline, without a script, in light and dark."""
