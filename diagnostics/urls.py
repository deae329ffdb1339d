from django.urls import include, path

from diagnostics import views

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
    path("constats/<int:pk>/preuves/", views.ConstatPreuvesView.as_view(), name="constat_preuves"),
    path("constats/<int:pk>/enjeux/", views.ConstatEnjeuxView.as_view(), name="constat_enjeux"),
    path("commencer/du-precedent/", views.DiagnosticResumeView.as_view(), name="start_from_previous"),
    path("ce-qui-a-bouge/", views.MouvementsView.as_view(), name="mouvements"),
    path("enjeux/priorisation/", views.PriorisationView.as_view(), name="priorisation"),
    path("enjeux/nouveau/", views.EnjeuAddView.as_view(), name="enjeu_add"),
    path("enjeux/<int:pk>/modifier/", views.EnjeuEditView.as_view(), name="enjeu_edit"),
    path("enjeux/<int:pk>/supprimer/", views.EnjeuDeleteView.as_view(), name="enjeu_delete"),
]

urlpatterns = [path("conventions/<slug:code>/diagnostic/", include(dans_la_convention))]
