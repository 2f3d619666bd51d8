"""Whose certificates the client believes: the system's authorities, and one of the user's own."""

from __future__ import annotations

import ssl

from cidx import settings
from cidx.errors import ClientError


def context() -> ssl.SSLContext:
    """Return what TLS is spoken with; raises ClientError if CIDX_CA_FILE is no good."""
    made = ssl.create_default_context()
    named = settings.ca_file()
    if named:
        try:
            made.load_verify_locations(named)
        except OSError as err:  # an SSLError too
            why = "has no PEM certificate" if isinstance(err, ssl.SSLError) else err.strerror
            raise ClientError(
                f"CIDX_CA_FILE: {named}: {str(why).lower() if why else err}",
                hint="name a PEM file with the authority's certificate",
            ) from err
    return made
