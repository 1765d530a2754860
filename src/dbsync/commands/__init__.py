"""One module a verb: `run(context, options)` does it and returns what came of it. Nothing here prints."""
