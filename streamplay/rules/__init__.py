"""What a request and its options may be: tables and checks, quick to import."""
