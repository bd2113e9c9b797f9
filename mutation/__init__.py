"""Theorem mutation by symbolic rewriting (Alchemy, ICLR 2025)."""
