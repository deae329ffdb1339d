"""What search engines are told: nothing here is for them."""

from django.contrib.auth.decorators import login_not_required
from django.http import HttpRequest, HttpResponse

# The page of a link says « noindex », which a robot that may not read it would never know: a closed address that
# somebody published could then be listed.
ROBOTS = "User-agent: *\nDisallow: /\nAllow: /lien/\n"


@login_not_required
def robots(request: HttpRequest) -> HttpResponse:
    return HttpResponse(ROBOTS, content_type="text/plain; charset=utf-8")
