"""The rules: categories, routing, deadlines, lifecycle, closure; pure, nothing but the standard library."""
