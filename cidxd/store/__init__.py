"""SQLite behind one writer: what is seen is committed."""
