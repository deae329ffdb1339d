from django.contrib import admin
from django.urls import include, path

from ctg_portal import views
from ctg_portal.robots import robots

urlpatterns = [
    path("", views.HomeView.as_view(), name="home"),
    path("robots.txt", robots, name="robots"),
    path("portefeuille.xlsx", views.PortefeuilleXlsxView.as_view(), name="portefeuille_xlsx"),
    path("recherche/", views.RechercheView.as_view(), name="recherche"),
    path("apercu/", views.ApercuView.as_view(), name="apercu"),
    path("session/prolonger/", views.SessionProlongView.as_view(), name="session_prolong"),
    path("composants/", views.ComposantsView.as_view(), name="composants"),
    # Before the home of a convention: « nouvelle » is no code.
    path("", include("conventions.urls")),
    path("conventions/<slug:code>/", views.ConventionHomeView.as_view(), name="convention_home"),
    path("", include("diagnostics.urls")),
    path("", include("actions.urls")),
    path("", include("governance.urls")),
    path("compte/login/", views.LoginView.as_view(), name="account_login"),
    path("compte/", include("allauth.account.urls")),
    path("administration/", admin.site.urls),
]
