from django.urls import include, path

from conventions.views import conventions, edition, equipe, financements, impressions, territoire

app_name = "conventions"

dans_la_convention = [
    path("convention/", conventions.ConventionView.as_view(), name="detail"),
    path("convention/modifier/<slug:section>/", edition.SectionEditView.as_view(), name="edit"),
    path("convention/statut/<slug:statut>/", conventions.ConventionMoveView.as_view(), name="move"),
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
    path("financements/etats/<int:pk>/", financements.EtatView.as_view(), name="etat"),
    path("financements/etats/<int:pk>/pdf/", financements.EtatPdfView.as_view(), name="etat_pdf"),
    path("financements/etats/<int:pk>/xlsx/", financements.EtatXlsxView.as_view(), name="etat_xlsx"),
    path("theme.css", territoire.ThemeView.as_view(), name="theme"),
    path("logo/", territoire.LogoView.as_view(), name="logo"),
]

urlpatterns = [
    path("conventions/", conventions.ConventionListView.as_view(), name="list"),
    path("conventions/<slug:code>/", include(dans_la_convention)),
]
