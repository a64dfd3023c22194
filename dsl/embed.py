"""Prints a file as the inside of a C array of characters."""
import sys
print(", ".join(str(b) for b in open(sys.argv[1], "rb").read()))
