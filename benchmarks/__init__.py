"""Programs that measure streamplay: README.md beside this file lists them."""
