from django.urls import include, path

from governance.views import (
    actes,
    agenda,
    avis,
    changements,
    decisions,
    diagnostic,
    documents,
    dossier,
    elus,
    instances,
    liens,
    reunions,
)

app_name = "governance"

gouvernance = [
    path("", instances.GouvernanceView.as_view(), name="detail"),
    path("instances/nouvelle/", instances.InstanceAddView.as_view(), name="instance_add"),
    path("instances/<int:pk>/", instances.InstanceView.as_view(), name="instance"),
    path("instances/<int:pk>/modifier/", instances.InstanceEditView.as_view(), name="instance_edit"),
    path("instances/<int:pk>/reunions/nouvelle/", reunions.ReunionAddView.as_view(), name="reunion_add"),
    path("reunions/<int:pk>/", reunions.ReunionView.as_view(), name="reunion"),
    path("reunions/<int:pk>/modifier/", reunions.ReunionEditView.as_view(), name="reunion_edit"),
    path("reunions/<int:pk>/statut/<slug:statut>/", reunions.ReunionMoveView.as_view(), name="reunion_move"),
    path("reunions/<int:pk>/notes/", reunions.ReunionNotesView.as_view(), name="reunion_notes"),
    path("reunions/<int:pk>/dossier/", documents.DossierPreviewView.as_view(), name="dossier_preview"),
    path(
        "reunions/<int:pk>/dossier/parties/", dossier.DossierSommaireView.as_view(), name="dossier_sommaire"
    ),
    path("reunions/<int:pk>/dossier/pdf/", dossier.DossierPdfView.as_view(), name="dossier_pdf"),
    path("reunions/<int:pk>/dossier/emettre/", documents.DossierIssueView.as_view(), name="dossier_issue"),
    path("reunions/<int:pk>/ordre-du-jour/", reunions.AgendaEditView.as_view(), name="agenda_edit"),
    path("reunions/<int:pk>/decisions/nouvelle/", decisions.DecisionAddView.as_view(), name="decision_add"),
    path("elus/", elus.ElusConventionView.as_view(), name="elus"),
    path("decisions/", decisions.RegisterView.as_view(), name="register"),
    path("decisions/<int:pk>/", decisions.DecisionView.as_view(), name="decision"),
    path("decisions/<int:pk>/realisee/", decisions.DecisionCompleteView.as_view(), name="decision_complete"),
]

documents_emis = [
    path("", documents.DocumentListView.as_view(), name="documents"),
    path("<uuid:pk>/", documents.DocumentView.as_view(), name="document"),
    path("<uuid:pk>/fichier/", documents.DocumentFileView.as_view(), name="document_file"),
    path("<uuid:pk>/liens/nouveau/", liens.LienAddView.as_view(), name="lien_add"),
    path("liens/<int:pk>/revoquer/", liens.LienRevokeView.as_view(), name="lien_revoke"),
    path("<uuid:pk>/reprendre/", documents.DocumentRetryView.as_view(), name="document_retry"),
]

textes = [
    path("texte/", actes.ConventionTexteView.as_view(), name="convention_texte"),
    path("texte/docx/", actes.ConventionDocxView.as_view(), name="convention_docx"),
    path("texte/pdf/", actes.ConventionPdfView.as_view(), name="convention_pdf"),
    path("avenants/<int:pk>/texte/", actes.AvenantTexteView.as_view(), name="avenant_texte"),
    path("avenants/<int:pk>/texte/docx/", actes.AvenantDocxView.as_view(), name="avenant_docx"),
    path("avenants/<int:pk>/texte/pdf/", actes.AvenantPdfView.as_view(), name="avenant_pdf"),
    path("contrats/<int:pk>/rapport/", actes.ContratRapportView.as_view(), name="contrat_rapport"),
    path("contrats/<int:pk>/rapport/pdf/", actes.ContratRapportPdfView.as_view(), name="contrat_rapport_pdf"),
]
diagnostic_partage = [
    path("document/", diagnostic.DiagnosticTexteView.as_view(), name="diagnostic_texte"),
    path("document/docx/", diagnostic.DiagnosticDocxView.as_view(), name="diagnostic_docx"),
    path("document/pdf/", diagnostic.DiagnosticPdfView.as_view(), name="diagnostic_pdf"),
    path("valider/", diagnostic.DiagnosticValidateView.as_view(), name="diagnostic_validate"),
]
mon_agenda = [
    path("", agenda.AgendaView.as_view(), name="agenda"),
    path("creer/", agenda.AgendaOpenView.as_view(), name="agenda_open"),
    path("changer/", agenda.AgendaRenewView.as_view(), name="agenda_renew"),
    path("supprimer/", agenda.AgendaRevokeView.as_view(), name="agenda_revoke"),
]

urlpatterns = [
    path("mon-agenda/", include(mon_agenda)),
    path("lien/<str:cle>/", liens.LienView.as_view(), name="lien"),
    path("agenda/<slug:cle>.ics", agenda.FluxView.as_view(), name="flux"),
    path(
        "conventions/<slug:code>/plan/changements/", changements.ChangementsView.as_view(), name="changements"
    ),
    path("conventions/<slug:code>/gouvernance/", include(gouvernance)),
    path("conventions/<slug:code>/convention/", include(textes)),
    path("conventions/<slug:code>/diagnostic/", include(diagnostic_partage)),
    path("conventions/<slug:code>/documents/", include(documents_emis)),
    path("conventions/<slug:code>/plan/avis/<int:pk>/signer/", avis.AvisSignView.as_view(), name="avis_sign"),
    path("organisations/<int:pk>/elus/", elus.ElusOrganisationView.as_view(), name="elus_organisation"),
]
