"""Files and tables as they are, for loads into the library: read in pieces, from any place where one stopped."""
