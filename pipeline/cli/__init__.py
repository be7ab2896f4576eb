"""What a person types. No stage depends on these modules."""
