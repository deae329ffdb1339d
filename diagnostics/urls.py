from django.urls import include, path

from diagnostics.imports.views import ChiffresColonnesView, ChiffresImportView
from diagnostics.views import chiffres, diagnostic, questionnaires, reponses, voix

app_name = "diagnostics"

dans_les_questionnaires = [
    path("", questionnaires.QuestionnaireListView.as_view(), name="questionnaires"),
    path("nouveau/", questionnaires.QuestionnaireAddView.as_view(), name="questionnaire_add"),
    path("<int:pk>/", questionnaires.QuestionnaireView.as_view(), name="questionnaire"),
    path("<int:pk>/modifier/", questionnaires.QuestionnaireEditView.as_view(), name="questionnaire_edit"),
    path("<int:pk>/questions/", questionnaires.QuestionsEditView.as_view(), name="questionnaire_questions"),
    path("<int:pk>/apercu/", questionnaires.PreviewView.as_view(), name="questionnaire_preview"),
    path("<int:pk>/adresse/", questionnaires.QuestionnaireRenewView.as_view(), name="questionnaire_renew"),
    path("<int:pk>/clore/", questionnaires.QuestionnaireCloseView.as_view(), name="questionnaire_close"),
    path(
        "<int:pk>/supprimer/", questionnaires.QuestionnaireDeleteView.as_view(), name="questionnaire_delete"
    ),
    path(
        "<int:pk>/resultats.<slug:extension>",
        questionnaires.QuestionnaireExportView.as_view(),
        name="questionnaire_export",
    ),
    path(
        "<int:pk>/questions/<int:question>/", questionnaires.TextesView.as_view(), name="questionnaire_textes"
    ),
]

dans_la_convention = [
    path("", diagnostic.DiagnosticView.as_view(), name="detail"),
    path("commencer/", diagnostic.DiagnosticStartView.as_view(), name="start"),
    path("commencer/du-precedent/", diagnostic.DiagnosticResumeView.as_view(), name="start_from_previous"),
    path("ce-qui-a-bouge/", diagnostic.MouvementsView.as_view(), name="mouvements"),
    path("modifier/<slug:section>/", diagnostic.SectionEditView.as_view(), name="edit"),
    path("statut/<slug:statut>/", diagnostic.DiagnosticMoveView.as_view(), name="move"),
    path("ateliers/nouveau/", voix.AtelierAddView.as_view(), name="atelier_add"),
    path("ateliers/<int:pk>/modifier/", voix.AtelierEditView.as_view(), name="atelier_edit"),
    path("ateliers/<int:pk>/supprimer/", voix.AtelierDeleteView.as_view(), name="atelier_delete"),
    path("voix/", voix.VoixView.as_view(), name="voix"),
    path("ateliers/<int:pk>/", voix.AtelierView.as_view(), name="atelier"),
    path("ateliers/<int:pk>/fiche.pdf", voix.AtelierPdfView.as_view(), name="atelier_pdf"),
    path("paroles/nouvelle/", voix.ParoleAddView.as_view(), name="parole_add"),
    path("paroles/<int:pk>/modifier/", voix.ParoleEditView.as_view(), name="parole_edit"),
    path("paroles/<int:pk>/supprimer/", voix.ParoleDeleteView.as_view(), name="parole_delete"),
    path("constats/nouveau/", diagnostic.ConstatAddView.as_view(), name="constat_add"),
    path("constats/<int:pk>/modifier/", diagnostic.ConstatEditView.as_view(), name="constat_edit"),
    path("constats/<int:pk>/supprimer/", diagnostic.ConstatDeleteView.as_view(), name="constat_delete"),
    path("constats/<int:pk>/preuves/", diagnostic.ConstatPreuvesView.as_view(), name="constat_preuves"),
    path("constats/<int:pk>/enjeux/", diagnostic.ConstatEnjeuxView.as_view(), name="constat_enjeux"),
    path("enjeux/priorisation/", diagnostic.PriorisationView.as_view(), name="priorisation"),
    path("enjeux/nouveau/", diagnostic.EnjeuAddView.as_view(), name="enjeu_add"),
    path("enjeux/<int:pk>/modifier/", diagnostic.EnjeuEditView.as_view(), name="enjeu_edit"),
    path("enjeux/<int:pk>/supprimer/", diagnostic.EnjeuDeleteView.as_view(), name="enjeu_delete"),
    path("questionnaires/", include(dans_les_questionnaires)),
    # figures
    path("portrait/", chiffres.PortraitView.as_view(), name="portrait"),
    path("offre/", chiffres.OffreView.as_view(), name="offre"),
    path("portrait/communes/", chiffres.CommunesView.as_view(), name="communes"),
    path(
        "portrait/communes/<slug:extension>/", chiffres.CommunesExportView.as_view(), name="communes_export"
    ),
    path("chiffres/", chiffres.ValeurListView.as_view(), name="valeurs"),
    path("chiffres/nouveau/", chiffres.ValeurAddView.as_view(), name="valeur_add"),
    path("chiffres/<int:pk>/modifier/", chiffres.ValeurEditView.as_view(), name="valeur_edit"),
    path("chiffres/<int:pk>/supprimer/", chiffres.ValeurDeleteView.as_view(), name="valeur_delete"),
    path("chiffres/importer/", ChiffresImportView.as_view(), name="chiffres_import"),
    path("chiffres/<uuid:pk>/colonnes/", ChiffresColonnesView.as_view(), name="chiffres_colonnes"),
]

urlpatterns = [
    path("conventions/<slug:code>/diagnostic/", include(dans_la_convention)),
    path("questionnaires/<slug:cle>/", reponses.RepondreView.as_view(), name="repondre"),
    path("questionnaires/<slug:cle>/merci/", reponses.MerciView.as_view(), name="repondre_merci"),
]
