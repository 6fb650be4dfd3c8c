"""The service: stores, serves, follows, signs people in."""
