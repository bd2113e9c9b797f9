"""The judge: decides whether tables of terms prove a statement, by asking kernels."""
