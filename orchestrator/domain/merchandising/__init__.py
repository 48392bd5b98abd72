"""What shoppers look at and buy together, and what is on the rise: counts, lift, trend."""
