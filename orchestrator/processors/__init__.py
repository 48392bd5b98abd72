"""What we do: pure keyed folds that join domain rooms, and the runner that drives one partition."""
