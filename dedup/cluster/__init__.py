"""Decisions, pure: duplicate groups, pair features and model, stories, canonical."""
