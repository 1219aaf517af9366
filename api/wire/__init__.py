"""Requests and replies as bytes: decoders, encoders and shapes, built once."""
