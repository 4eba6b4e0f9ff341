"""The scenes; each is data and readable in one sitting."""
