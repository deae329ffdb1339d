from django.urls import include, path

from governance.views import (
    actes,
    agenda,
    avis,
    calendrier,
    changements,
    comptes_rendus,
    decisions,
    diagnostic,
    documents,
    dossier,
    elus,
    envois,
    instances,
    liens,
    ordre_du_jour,
    presences,
    reponses,
    reunions,
    seance,
)

app_name = "governance"

odj = [
    path("", ordre_du_jour.AgendaEditView.as_view(), name="agenda_edit"),
    path("points/nouveau/", ordre_du_jour.PointAddView.as_view(), name="point_add"),
    path("reprendre/", ordre_du_jour.AgendaTakeView.as_view(), name="agenda_take"),
    path("sujets/", ordre_du_jour.SujetTakeView.as_view(), name="sujet_take"),
    path("modele/", ordre_du_jour.ModeleKeepView.as_view(), name="modele_keep"),
    path(
        "propositions/<slug:proposition>/",
        ordre_du_jour.AgendaSuggestView.as_view(),
        name="agenda_suggest",
    ),
]

en_seance = [
    path("", seance.SeanceView.as_view(), name="seance"),
    path("direct/", seance.SeanceDirectView.as_view(), name="seance_direct"),
    path("point/", seance.SeancePointView.as_view(), name="seance_point"),
    path("decision/", seance.SeanceDecisionView.as_view(), name="seance_decision"),
    path("presences/", seance.SeancePresencesView.as_view(), name="seance_presences"),
]

compte_rendu = [
    path("", comptes_rendus.CompteRenduView.as_view(), name="compte_rendu"),
    path("commencer/", comptes_rendus.CompteRenduDraftView.as_view(), name="compte_rendu_draft"),
    path("soumettre/", comptes_rendus.CompteRenduSubmitView.as_view(), name="compte_rendu_submit"),
    path("reprendre/", comptes_rendus.CompteRenduTakeBackView.as_view(), name="compte_rendu_take_back"),
    path("notes/", comptes_rendus.CompteRenduNotesView.as_view(), name="compte_rendu_notes"),
    path("avis/", comptes_rendus.VisaView.as_view(), name="visa"),
    path("parties/nouvelle/", comptes_rendus.PartieAddView.as_view(), name="partie_add"),
    path("<slug:nom>/docx/", comptes_rendus.CompteRenduDocxView.as_view(), name="compte_rendu_docx"),
    path("<slug:nom>/pdf/", comptes_rendus.CompteRenduPdfView.as_view(), name="compte_rendu_pdf"),
]

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
    path("reunions/<int:pk>/ordre-du-jour/", include(odj)),
    path("reunions/<int:reunion>/points/<int:pk>/", ordre_du_jour.PointEditView.as_view(), name="point_edit"),
    path(
        "reunions/<int:reunion>/points/<int:pk>/retirer/",
        ordre_du_jour.PointRemoveView.as_view(),
        name="point_remove",
    ),
    path("reunions/<int:pk>/seance/", include(en_seance)),
    path(
        "reunions/<int:reunion>/points/<int:pk>/notes/",
        seance.SeanceNotesView.as_view(),
        name="seance_notes",
    ),
    path("reunions/<int:pk>/compte-rendu/", include(compte_rendu)),
    path("reunions/<int:pk>/rouvrir/", comptes_rendus.ReopenView.as_view(), name="reunion_reopen"),
    path(
        "reunions/<int:reunion>/parties/<int:pk>/",
        comptes_rendus.PartieEditView.as_view(),
        name="partie_edit",
    ),
    path(
        "reunions/<int:reunion>/parties/<int:pk>/retirer/",
        comptes_rendus.PartieRemoveView.as_view(),
        name="partie_remove",
    ),
    path("decisions/<int:pk>/suite/", comptes_rendus.SuiteAddView.as_view(), name="suite_add"),
    path("modeles/<int:pk>/supprimer/", ordre_du_jour.ModeleRemoveView.as_view(), name="modele_remove"),
    path("instances/<int:pk>/sujets/nouveau/", ordre_du_jour.SujetAddView.as_view(), name="sujet_add"),
    path("sujets/<int:pk>/", ordre_du_jour.SujetEditView.as_view(), name="sujet_edit"),
    path("sujets/<int:pk>/retirer/", ordre_du_jour.SujetRemoveView.as_view(), name="sujet_remove"),
    path("reunions/<int:pk>/pieces/nouvelle/", ordre_du_jour.PieceAddView.as_view(), name="piece_add"),
    path("pieces/<int:pk>/fichier/", ordre_du_jour.PieceFileView.as_view(), name="piece_file"),
    path("pieces/<int:pk>/retirer/", ordre_du_jour.PieceWithdrawView.as_view(), name="piece_withdraw"),
    path("pieces/<int:pk>/remettre/", ordre_du_jour.PieceRestoreView.as_view(), name="piece_restore"),
    path("reunions/<int:pk>/decisions/nouvelle/", decisions.DecisionAddView.as_view(), name="decision_add"),
    path("reunions/<int:pk>/presences/", presences.PresencesView.as_view(), name="presences"),
    path(
        "reunions/<int:pk>/presences/preparer/",
        presences.PresencesPrepareView.as_view(),
        name="presences_prepare",
    ),
    path("reunions/<int:pk>/presences/inviter/", presences.PresenceAddView.as_view(), name="presence_add"),
    path("reunions/<int:pk>/emargement/", presences.EmargementView.as_view(), name="emargement"),
    path("reunions/<int:pk>/envois/", envois.EnvoisView.as_view(), name="envois"),
    path("reunions/<int:pk>/envois/xlsx/", envois.EnvoisExportView.as_view(), name="envois_export"),
    path("reunions/<int:pk>/envois/<slug:nature>/", envois.EnvoiAddView.as_view(), name="envoi_add"),
    path("presences/<int:pk>/", presences.PresenceEditView.as_view(), name="presence_edit"),
    path("presences/<int:pk>/retirer/", presences.PresenceRemoveView.as_view(), name="presence_remove"),
    path("envois/<int:pk>/", envois.EnvoiView.as_view(), name="envoi"),
    path("envois/<int:pk>/modifier/", envois.EnvoiEditView.as_view(), name="envoi_edit"),
    path("envois/<int:pk>/lancer/", envois.EnvoiLaunchView.as_view(), name="envoi_launch"),
    path("envois/<int:pk>/arreter/", envois.EnvoiStopView.as_view(), name="envoi_stop"),
    path("envois/<int:pk>/reprendre/", envois.EnvoiRetryView.as_view(), name="envoi_retry"),
    path("envois/<int:pk>/jeter/", envois.EnvoiDropView.as_view(), name="envoi_drop"),
    path("elus/", elus.ElusConventionView.as_view(), name="elus"),
    path("decisions/", decisions.RegisterView.as_view(), name="register"),
    path("decisions/xlsx/", decisions.RegisterExportView.as_view(), name="register_export"),
    path("decisions/<int:pk>/", decisions.DecisionView.as_view(), name="decision"),
    path("decisions/<int:pk>/corriger/", decisions.DecisionEditView.as_view(), name="decision_edit"),
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
    path("reponse/<slug:cle>/", reponses.ReponseView.as_view(), name="reponse"),
    path("mon-agenda/", include(mon_agenda)),
    path("reunions/", calendrier.CalendrierView.as_view(), name="calendrier"),
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
