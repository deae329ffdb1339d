from django.urls import include, path

from conventions.views import calendrier, conventions, edition, equipe, impressions, territoire

app_name = "conventions"

dans_la_convention = [
    path("convention/", conventions.ConventionView.as_view(), name="detail"),
    path("convention/modifier/<slug:section>/", edition.SectionEditView.as_view(), name="edit"),
    path("convention/statut/<slug:statut>/", conventions.ConventionMoveView.as_view(), name="move"),
    path("calendrier/", calendrier.CalendrierView.as_view(), name="calendrier"),
    path("organisations/nouvelle/", edition.OrganisationAddView.as_view(), name="organisation_add"),
    path("equipe/", equipe.EquipeView.as_view(), name="equipe"),
    path("equipe/inviter/", equipe.HabilitationAddView.as_view(), name="habilitation_add"),
    path(
        "equipe/<int:pk>/retirer/",
        equipe.HabilitationRemoveView.as_view(),
        name="habilitation_remove",
    ),
    path("impressions/<uuid:pk>/", impressions.ImpressionView.as_view(), name="impression"),
    path("impressions/<uuid:pk>/fichier/", impressions.ImpressionFileView.as_view(), name="impression_file"),
    path("theme.css", territoire.ThemeView.as_view(), name="theme"),
    path("logo/", territoire.LogoView.as_view(), name="logo"),
]

urlpatterns = [
    path("conventions/", conventions.ConventionListView.as_view(), name="list"),
    path("conventions/<slug:code>/", include(dans_la_convention)),
]
