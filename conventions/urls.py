from django.urls import include, path

from conventions.views import (
    avenants,
    conventions,
    documents,
    edition,
    equipe,
    impressions,
    signatures,
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
]

urlpatterns = [
    path("conventions/", conventions.ConventionListView.as_view(), name="list"),
    path("conventions/<slug:code>/", include(dans_la_convention)),
    # Open to all, without an account.
    path("publications/<slug:code>/", documents.PublicationsView.as_view(), name="publications"),
    path(
        "publications/<slug:code>/<int:pk>/",
        documents.PublicationFileView.as_view(),
        name="publication_file",
    ),
]
