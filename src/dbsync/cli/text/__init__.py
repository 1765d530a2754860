"""The words of every verb, one module each: `show(value)` writes what the verb returned."""
