"""
The client: asks for a sync, watches it, searches the result.

It shares only the wire with cidxd.
"""
