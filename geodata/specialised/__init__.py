"""Specialised grids (专业网格): the parts of the city that a field's teams answer for, layer by layer."""
