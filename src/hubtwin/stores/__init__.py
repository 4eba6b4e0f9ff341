"""The engines: SQLite rows, Parquet columns, migrations, vault, backup."""
