"""What scripts/try-clients and scripts/try-servers share."""
