from typing import Any

from django.http import HttpRequest

from conventions.permissions import Role, all_roles


def nav(request: HttpRequest) -> dict[str, Any]:
    """What the top bar needs: ``nav.relecture`` (the person reviews somewhere), ``nav.conventions`` (how many), ``nav.annuaire``."""
    user = getattr(request, "user", None)
    if user is None or not user.is_authenticated:
        return {"nav": {"relecture": False, "conventions": 0, "annuaire": False}}
    roles = all_roles(user)
    return {
        "nav": {
            "relecture": any(Role.RELECTURE in found for found in roles.values()),
            "conventions": len(roles),
            "annuaire": bool(roles) or user.is_superuser,
        }
    }
