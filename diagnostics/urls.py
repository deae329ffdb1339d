from django.urls import include, path

from diagnostics.views import chiffres, diagnostic

app_name = "diagnostics"

dans_la_convention = [
    path("", diagnostic.DiagnosticView.as_view(), name="detail"),
    path("commencer/", diagnostic.DiagnosticStartView.as_view(), name="start"),
    path("modifier/<slug:section>/", diagnostic.SectionEditView.as_view(), name="edit"),
    path("statut/<slug:statut>/", diagnostic.DiagnosticMoveView.as_view(), name="move"),
    path("ateliers/nouveau/", diagnostic.AtelierAddView.as_view(), name="atelier_add"),
    path("ateliers/<int:pk>/modifier/", diagnostic.AtelierEditView.as_view(), name="atelier_edit"),
    path("ateliers/<int:pk>/supprimer/", diagnostic.AtelierDeleteView.as_view(), name="atelier_delete"),
    path("constats/nouveau/", diagnostic.ConstatAddView.as_view(), name="constat_add"),
    path("constats/<int:pk>/modifier/", diagnostic.ConstatEditView.as_view(), name="constat_edit"),
    path("constats/<int:pk>/supprimer/", diagnostic.ConstatDeleteView.as_view(), name="constat_delete"),
    path("enjeux/nouveau/", diagnostic.EnjeuAddView.as_view(), name="enjeu_add"),
    path("enjeux/<int:pk>/modifier/", diagnostic.EnjeuEditView.as_view(), name="enjeu_edit"),
    path("enjeux/<int:pk>/supprimer/", diagnostic.EnjeuDeleteView.as_view(), name="enjeu_delete"),
    # figures
    path("portrait/", chiffres.PortraitView.as_view(), name="portrait"),
    path("portrait/communes/", chiffres.CommunesView.as_view(), name="communes"),
    path(
        "portrait/communes/<slug:extension>/", chiffres.CommunesExportView.as_view(), name="communes_export"
    ),
    path("chiffres/", chiffres.ValeurListView.as_view(), name="valeurs"),
    path("chiffres/nouveau/", chiffres.ValeurAddView.as_view(), name="valeur_add"),
    path("chiffres/<int:pk>/modifier/", chiffres.ValeurEditView.as_view(), name="valeur_edit"),
    path("chiffres/<int:pk>/supprimer/", chiffres.ValeurDeleteView.as_view(), name="valeur_delete"),
]

urlpatterns = [path("conventions/<slug:code>/diagnostic/", include(dans_la_convention))]
