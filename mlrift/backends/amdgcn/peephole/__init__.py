"""Small improvements after allocation, while nothing has been encoded.

shorten: shorter forms of single instructions -> dual_issue: two instructions as one (gfx11, gfx12).
"""
