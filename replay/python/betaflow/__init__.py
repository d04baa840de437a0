"""Streaming engine for factor models."""
