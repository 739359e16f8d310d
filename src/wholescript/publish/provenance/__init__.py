"""Where things come from: hashes of code, stamps of notebooks, passports of figures."""
