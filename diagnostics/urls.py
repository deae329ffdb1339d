from django.urls import include, path

from diagnostics import views
from diagnostics.imports.views import ChiffresColonnesView, ChiffresImportView
from diagnostics.views import chiffres

app_name = "diagnostics"

dans_la_convention = [
    path("", views.DiagnosticView.as_view(), name="detail"),
    path("commencer/", views.DiagnosticStartView.as_view(), name="start"),
    path("modifier/<slug:section>/", views.SectionEditView.as_view(), name="edit"),
    path("statut/<slug:statut>/", views.DiagnosticMoveView.as_view(), name="move"),
    path("ateliers/nouveau/", views.AtelierAddView.as_view(), name="atelier_add"),
    path("ateliers/<int:pk>/modifier/", views.AtelierEditView.as_view(), name="atelier_edit"),
    path("ateliers/<int:pk>/supprimer/", views.AtelierDeleteView.as_view(), name="atelier_delete"),
    path("constats/nouveau/", views.ConstatAddView.as_view(), name="constat_add"),
    path("constats/<int:pk>/modifier/", views.ConstatEditView.as_view(), name="constat_edit"),
    path("constats/<int:pk>/supprimer/", views.ConstatDeleteView.as_view(), name="constat_delete"),
    path("enjeux/nouveau/", views.EnjeuAddView.as_view(), name="enjeu_add"),
    path("enjeux/<int:pk>/modifier/", views.EnjeuEditView.as_view(), name="enjeu_edit"),
    path("enjeux/<int:pk>/supprimer/", views.EnjeuDeleteView.as_view(), name="enjeu_delete"),
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
    path("chiffres/importer/", ChiffresImportView.as_view(), name="chiffres_import"),
    path("chiffres/<uuid:pk>/colonnes/", ChiffresColonnesView.as_view(), name="chiffres_colonnes"),
]

urlpatterns = [path("conventions/<slug:code>/diagnostic/", include(dans_la_convention))]
