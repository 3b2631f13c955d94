"""The report as one HTML file, without scripts, that needs no network; light and dark."""
