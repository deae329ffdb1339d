from django.urls import include, path

from actions.views import (
    archives,
    avis,
    bilans,
    brouillons,
    contrats,
    copie,
    fiches,
    fil,
    fils,
    financements,
    historique,
    liens,
    listes,
    modeles,
    notifications,
    nouvelles,
    numerotation,
    ordre,
    parts,
    pdf,
    pieces,
    pilotes,
    plan,
    relecture,
    tableur,
    tout,
)

app_name = "actions"

fiche = [
    path("", fiches.FicheView.as_view(), name="fiche"),
    path("pdf/", pdf.FichePdfView.as_view(), name="fiche_pdf"),
    path("modifier/", tout.FicheToutEditView.as_view(), name="fiche_edit_all"),
    path("modifier/<slug:section>/", fiches.SectionEditView.as_view(), name="fiche_edit"),
    path("modifier/<slug:section>/brouillon/", brouillons.BrouillonKeepView.as_view(), name="brouillon_keep"),
    path(
        "modifier/<slug:section>/brouillon/jeter/",
        brouillons.BrouillonDropView.as_view(),
        name="brouillon_drop",
    ),
    path("deplacer/", fiches.FichePlaceView.as_view(), name="fiche_place"),
    path("pieces/", pieces.PiecesView.as_view(), name="pieces"),
    path("pieces/joindre/", pieces.PieceAddView.as_view(), name="piece_add"),
    path("liens/ajouter/", liens.LienAddView.as_view(), name="lien_add"),
    path("en-modele/", modeles.ModeleAddView.as_view(), name="modele_add"),
    path("dupliquer/", copie.FicheCopyView.as_view(), name="fiche_copy"),
    path("avancement/", fiches.AvancementView.as_view(), name="fiche_avancement"),
    path("envoyer/", relecture.SubmitView.as_view(), name="fiche_submit"),
    path("a-completer/", relecture.AskCompletionView.as_view(), name="fiche_ask_completion"),
    path("valider/", relecture.ValidateView.as_view(), name="fiche_validate"),
    path("rouvrir/", relecture.ReopenView.as_view(), name="fiche_reopen"),
    path("archiver/", relecture.ArchiveView.as_view(), name="fiche_archive"),
    path("reprendre/", relecture.RestoreView.as_view(), name="fiche_restore"),
    path("rubriques/<slug:section>/ouvrir/", relecture.OpenSectionView.as_view(), name="section_open"),
    path("commentaires/nouveau/", fils.CommentaireAddView.as_view(), name="commentaire_add"),
    path("etapes/", parts.EtapesEditView.as_view(), name="etapes_edit"),
    path("etapes/<int:etape>/faite/", parts.EtapeTickView.as_view(), name="etape_tick"),
    path("mesures/<int:annee>/", bilans.MesuresAnneeView.as_view(), name="mesures_annee"),
    path("notes/nouvelle/", parts.NoteAddView.as_view(), name="note_add"),
    path("historique/", historique.HistoriqueView.as_view(), name="fiche_historique"),
    path("historique/<slug:version>/", historique.VersionView.as_view(), name="fiche_version"),
    path(
        "historique/<slug:version>/retablir/<slug:cible>/",
        historique.RetablirView.as_view(),
        name="fiche_retablir",
    ),
    path("nouvelles/", nouvelles.NouvellesView.as_view(), name="fiche_nouvelles"),
    path("bilans/<int:annee>/", bilans.BilanEditView.as_view(), name="bilan_edit"),
]
# The workbook that comes back, and a plan made elsewhere.
envois = [
    path("", tableur.TableurView.as_view(), name="tableur"),
    path("classeur/", tableur.TableurExportView.as_view(), name="tableur_export"),
    path("importer/", tableur.ImportPlanView.as_view(), name="import_plan"),
    path("<uuid:pk>/feuille/", tableur.ImportFeuilleView.as_view(), name="import_feuille"),
    path("<uuid:pk>/colonnes/", tableur.ImportColonnesView.as_view(), name="import_colonnes"),
    path("<uuid:pk>/", tableur.EnvoiView.as_view(), name="envoi"),
    path("<uuid:pk>/confirmer/", tableur.EnvoiConfirmView.as_view(), name="envoi_confirm"),
    path("<uuid:pk>/abandonner/", tableur.EnvoiDropView.as_view(), name="envoi_drop"),
]
commentaire = [
    path("repondre/", fils.CommentaireReplyView.as_view(), name="commentaire_reply"),
    path("resoudre/", fils.CommentaireResolveView.as_view(), name="commentaire_resolve"),
    path("rouvrir/", fils.CommentaireReopenView.as_view(), name="commentaire_reopen"),
    path("modifier/", fils.CommentaireRewriteView.as_view(), name="commentaire_edit"),
    path("retirer/", fils.CommentaireWithdrawView.as_view(), name="commentaire_withdraw"),
]
dans_la_convention = [
    path("", plan.PlanView.as_view(), name="plan"),
    path("commencer/", plan.PlanStartView.as_view(), name="plan_start"),
    path("pdf/", pdf.PlanPdfView.as_view(), name="plan_pdf"),
    path("historique/", historique.PlanHistoriqueView.as_view(), name="plan_historique"),
    path("modifier/", plan.PlanEditView.as_view(), name="plan_edit"),
    path("statut/<slug:statut>/", plan.PlanMoveView.as_view(), name="plan_move"),
    path("archives/", archives.ArchivesView.as_view(), name="archives"),
    path("organiser/", ordre.OrganiserView.as_view(), name="organiser"),
    path("renumeroter/", numerotation.RenumeroterView.as_view(), name="renumeroter"),
    path("axes/nouveau/", plan.AxeAddView.as_view(), name="axe_add"),
    path("axes/<int:pk>/modifier/", plan.AxeEditView.as_view(), name="axe_edit"),
    path("axes/<int:pk>/supprimer/", plan.AxeDeleteView.as_view(), name="axe_delete"),
    path("axes/<int:pk>/objectifs/nouveau/", plan.ObjectifAddView.as_view(), name="objectif_add"),
    path("objectifs/<int:pk>/modifier/", plan.ObjectifEditView.as_view(), name="objectif_edit"),
    path("objectifs/<int:pk>/supprimer/", plan.ObjectifDeleteView.as_view(), name="objectif_delete"),
    path("tableur/", include(envois)),
    path("fiches/", listes.FicheTableView.as_view(), name="fiches"),
    path("fiches/nouvelle/", fiches.FicheAddView.as_view(), name="fiche_add"),
    path("fiches/<int:pk>/", include(fiche)),
    path("modeles/", modeles.ModelesView.as_view(), name="modeles"),
    path("modeles/<int:pk>/", modeles.ModeleView.as_view(), name="modele"),
    path("modeles/<int:pk>/modifier/", modeles.ModeleEditView.as_view(), name="modele_edit"),
    path("modeles/<int:pk>/archiver/", modeles.ModeleArchiveView.as_view(), name="modele_archive"),
    path("modeles/<int:pk>/commencer/", modeles.ModeleStartView.as_view(), name="modele_start"),
    path("pilotes/", pilotes.PilotesView.as_view(), name="pilotes"),
    path("pilotes/<slug:cle>/relier/", pilotes.PiloteLinkView.as_view(), name="pilote_link"),
    path("rattachements/<int:pk>/defaire/", pilotes.PiloteUnlinkView.as_view(), name="pilote_unlink"),
    path("liens/<int:pk>/retirer/", liens.LienRemoveView.as_view(), name="lien_remove"),
    path("pieces/<int:pk>/", pieces.PieceFileView.as_view(), name="piece_file"),
    path("pieces/<int:pk>/remplacer/", pieces.PieceReplaceView.as_view(), name="piece_replace"),
    path("pieces/<int:pk>/retirer/", pieces.PieceWithdrawView.as_view(), name="piece_withdraw"),
    path("pieces/<int:pk>/remettre/", pieces.PieceRestoreView.as_view(), name="piece_restore"),
    path("bilans/", bilans.BilansView.as_view(), name="bilans"),
    path("indicateurs/<int:pk>/mesures/", parts.IndicateurEditView.as_view(), name="indicateur_edit"),
    path("commentaires/<int:pk>/", include(commentaire)),
    path("avis/demander/", avis.AvisAskView.as_view(), name="avis_ask"),
    path("avis/<int:pk>/", avis.AvisView.as_view(), name="avis"),
    path("avis/<int:pk>/rediger/", avis.AvisEditView.as_view(), name="avis_edit"),
    path("reserves/<int:pk>/repondre/", avis.ReserveAnswerView.as_view(), name="reserve_answer"),
    path("reserves/<int:pk>/conclure/", avis.ReserveConcludeView.as_view(), name="reserve_conclude"),
]
# The money of a convention: here because a line may pay a fiche; the statements of conventions.urls follow.
money = [
    path("", financements.FinancementsView.as_view(), name="financements"),
    path("exercice/", financements.ExerciceOpenView.as_view(), name="exercice_open"),
    path("<int:annee>/", financements.ExerciceView.as_view(), name="exercice"),
]

contrats_lies = [
    path("", contrats.ContratsView.as_view(), name="contrats"),
    path("<int:pk>/", contrats.ContratView.as_view(), name="contrat"),
    path("<int:pk>/fiches/", contrats.ContratFichesView.as_view(), name="contrat_fiches"),
]

fil_dor = [
    path("", fil.FilView.as_view(), name="fil"),
    path("enjeux/<int:pk>/", fil.FilEnjeuView.as_view(), name="fil_enjeu"),
    path("enjeux/<int:pk>/objectifs/", fil.EnjeuObjectifsView.as_view(), name="enjeu_objectifs"),
]

mes_notifications = [
    path("", notifications.NotificationsView.as_view(), name="notifications"),
    path("lire/", notifications.NotificationReadView.as_view(), name="notification_read"),
    path("tout-lire/", notifications.NotificationsReadAllView.as_view(), name="notifications_read_all"),
    path("preferences/", notifications.PreferencesView.as_view(), name="notifications_preferences"),
    path(
        "desabonnement/<str:cle>/",
        notifications.UnsubscribeView.as_view(),
        name="notifications_unsubscribe",
    ),
]

urlpatterns = [
    path("notifications/", include(mes_notifications)),
    path("mes-fiches/", listes.MesFichesView.as_view(), name="mes_fiches"),
    path("a-relire/", listes.ARelireView.as_view(), name="a_relire"),
    path("conventions/<slug:code>/convention/contrats/", include(contrats_lies)),
    path("conventions/<slug:code>/financements/", include(money)),
    path("conventions/<slug:code>/diagnostic/fil-d-or/", include(fil_dor)),
    path("conventions/<slug:code>/plan/", include(dans_la_convention)),
]
