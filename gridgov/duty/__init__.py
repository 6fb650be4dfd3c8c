"""Duty: who is on duty where and when, who stands in, where they are, and what they hand over."""
