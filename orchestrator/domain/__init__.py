"""What we know: rooms of pure rules that do not know one another."""
