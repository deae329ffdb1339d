"""Where a request comes from, for what counts visitors without knowing them."""

import ipaddress

from django.conf import settings
from django.http import HttpRequest


def connexion_of(request: HttpRequest) -> str:
    """The address of the visitor, or the network that an IPv6 line holds whole (/64); empty when it says nothing.

    ``X-Forwarded-For`` is believed behind a proxy only, and only its last address: the proxy adds it, the visitor writes
    the others.
    """
    said = request.META.get("REMOTE_ADDR", "")
    if settings.BEHIND_PROXY:
        said = request.META.get("HTTP_X_FORWARDED_FOR", said).rsplit(",", 1)[-1]
    try:
        address = ipaddress.ip_address(said.strip())
    except ValueError:
        return ""
    if isinstance(address, ipaddress.IPv6Address):
        if address.ipv4_mapped:
            return str(address.ipv4_mapped)
        return str(ipaddress.ip_network((int(address), 64), strict=False))
    return str(address)
