"""One folder a source system: manifest, codec, transport, mapper, simulator, fixtures."""
