from django.urls import include, path

from conventions.views import (
    articles,
    conventions,
    edition,
    equipe,
    equipements,
    financements,
    importations,
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
    path("equipements/", equipements.EquipementListView.as_view(), name="equipements"),
    path("equipements/nouveau/", equipements.EquipementAddView.as_view(), name="equipement_add"),
    path(
        "equipements/export/<slug:extension>/",
        equipements.EquipementExportView.as_view(),
        name="equipements_export",
    ),
    path("equipements/<int:pk>/", equipements.EquipementEditView.as_view(), name="equipement_edit"),
    path("equipements/<int:pk>/fermer/", equipements.EquipementCloseView.as_view(), name="equipement_close"),
    path(
        "equipements/<int:pk>/supprimer/",
        equipements.EquipementDeleteView.as_view(),
        name="equipement_delete",
    ),
    path("offre-de-services/", equipements.OffreServicesView.as_view(), name="offre_services"),
    path("importations/", importations.ImportationListView.as_view(), name="importations"),
    path("importations/<uuid:pk>/", importations.ImportationView.as_view(), name="importation"),
    path(
        "importations/<uuid:pk>/repondre/",
        importations.ImportationAnswerView.as_view(),
        name="importation_answer",
    ),
    path(
        "importations/<uuid:pk>/confirmer/",
        importations.ImportationConfirmView.as_view(),
        name="importation_confirm",
    ),
    path(
        "importations/<uuid:pk>/abandonner/",
        importations.ImportationDropView.as_view(),
        name="importation_drop",
    ),
    path(
        "importations/<slug:nature>/nouvelle/",
        importations.ImportationAddView.as_view(),
        name="importation_add",
    ),
    path(
        "importations/<slug:nature>/modele/",
        importations.ImportationModeleView.as_view(),
        name="importation_modele",
    ),
    path(
        "importations/<slug:nature>/export/",
        importations.ImportationExportView.as_view(),
        name="importation_export",
    ),
    path("convention/articles/nouveau/", articles.ArticleAddView.as_view(), name="article_add"),
    path("convention/articles/ordre/", articles.ArticlesOrderView.as_view(), name="articles_order"),
    path(
        "convention/articles/texte-propose/", articles.ArticlesRestoreView.as_view(), name="articles_restore"
    ),
    path("convention/articles/<slug:cle>/modifier/", articles.ArticleEditView.as_view(), name="article_edit"),
    path(
        "convention/articles/<slug:cle>/retirer/", articles.ArticleRemoveView.as_view(), name="article_remove"
    ),
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
