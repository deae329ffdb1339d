from django.urls import include, path

from conventions.views import (
    annuaire,
    articles,
    avenants,
    calendrier,
    conventions,
    creation,
    documents,
    edition,
    equipe,
    equipements,
    financements,
    fusions,
    importations,
    impressions,
    signatures,
    territoire,
)

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
    path("impressions/<uuid:pk>/maintenant/", impressions.ImpressionNowView.as_view(), name="impression_now"),
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
    # Signatures and avenants
    path("convention/signatures/", signatures.SignaturesView.as_view(), name="signatures"),
    path(
        "convention/signatures/<int:pk>/",
        signatures.SignatureEditView.as_view(),
        name="signature_edit",
    ),
    path("convention/avenants/nouveau/", avenants.AvenantAddView.as_view(), name="avenant_add"),
    path("convention/avenants/<int:pk>/", avenants.AvenantView.as_view(), name="avenant"),
    path("convention/avenants/<int:pk>/modifier/", avenants.AvenantEditView.as_view(), name="avenant_edit"),
    path("convention/avenants/<int:pk>/signer/", avenants.AvenantSignView.as_view(), name="avenant_sign"),
    path(
        "convention/avenants/<int:pk>/abandonner/",
        avenants.AvenantAbandonView.as_view(),
        name="avenant_abandon",
    ),
    # Documents
    path("bibliotheque/", documents.DocumentListView.as_view(), name="documents"),
    path("bibliotheque/deposer/", documents.DocumentAddView.as_view(), name="document_add"),
    path("bibliotheque/<int:pk>/", documents.DocumentView.as_view(), name="document"),
    path("bibliotheque/<int:pk>/fichier/", documents.DocumentFileView.as_view(), name="document_file"),
    path("bibliotheque/<int:pk>/modifier/", documents.DocumentEditView.as_view(), name="document_edit"),
    path(
        "bibliotheque/<int:pk>/remplacer/", documents.DocumentReplaceView.as_view(), name="document_replace"
    ),
    path(
        "bibliotheque/<int:pk>/retirer/", documents.DocumentWithdrawView.as_view(), name="document_withdraw"
    ),
    path("bibliotheque/<int:pk>/remettre/", documents.DocumentRestoreView.as_view(), name="document_restore"),
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
    # Open to all, without an account.
    path("publications/<slug:code>/", documents.PublicationsView.as_view(), name="publications"),
    path(
        "publications/<slug:code>/<int:pk>/",
        documents.PublicationFileView.as_view(),
        name="publication_file",
    ),
    path("organisations/", include(annuaire_urls)),
]
