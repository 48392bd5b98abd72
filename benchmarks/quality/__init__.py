"""How good the product's decisions and models are, on real data and in the simulated shop."""
