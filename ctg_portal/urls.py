from django.contrib import admin
from django.urls import include, path

urlpatterns = [
    path("", include("conventions.urls")),
    path("", include("diagnostics.urls")),
    path("", include("actions.urls")),
    path("", include("governance.urls")),
    path("compte/", include("allauth.account.urls")),
    path("administration/", admin.site.urls),
]
