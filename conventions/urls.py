from django.urls import include, path

from conventions.views import (
    annuaire,
    conventions,
    creation,
    edition,
    equipe,
    fusions,
    impressions,
    territoire,
)

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
    path("theme.css", territoire.ThemeView.as_view(), name="theme"),
    path("logo/", territoire.LogoView.as_view(), name="logo"),
    path("contrats/nouveau/", creation.LinkedContractView.as_view(), name="contrat_add"),
]

annuaire_urls = [
    path("", annuaire.OrganisationListView.as_view(), name="organisations"),
    path("doublons/", fusions.DoublonListView.as_view(), name="doublons"),
    path("fusions/<int:pk>/defaire/", fusions.FusionUndoView.as_view(), name="fusion_undo"),
    path("<int:pk>/", annuaire.OrganisationView.as_view(), name="organisation"),
    path("<int:pk>/modifier/", annuaire.OrganisationEditView.as_view(), name="organisation_edit"),
    path("<int:pk>/mandats/", annuaire.MandatsView.as_view(), name="mandats"),
    path("<int:pk>/logo/", annuaire.OrganisationLogoView.as_view(), name="organisation_logo"),
    path("<int:pk>/reunir/", fusions.FusionSearchView.as_view(), name="fusion_search"),
    path("<int:pk>/reunir/<int:autre>/", fusions.FusionView.as_view(), name="fusion"),
]

urlpatterns = [
    path("conventions/", conventions.ConventionListView.as_view(), name="list"),
    path("conventions/nouvelle/", creation.ConventionStartView.as_view(), name="start"),
    path("conventions/nouvelle/<slug:siren>/", creation.ConventionCreateView.as_view(), name="create"),
    path("conventions/<slug:code>/", include(dans_la_convention)),
    path("organisations/", include(annuaire_urls)),
]
