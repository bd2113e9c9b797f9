"""A type checker for Lean 4's kernel language, written from its theory and independent of Lean.

It imports the standard library and itself only. `api.check_proof` answers for one candidate over a
trusted library; `api.check_export` re-checks a whole export of any Lean.
"""
