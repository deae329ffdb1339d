from django.contrib import admin

from conventions.models import (
    ArticleConvention,
    Avenant,
    Commune,
    Convention,
    Departement,
    Dispositif,
    Document,
    Domaine,
    Equipement,
    Financement,
    FusionOrganisation,
    Habilitation,
    Importation,
    Impression,
    Mandat,
    Organisation,
    Partenaire,
    Phase,
    Signataire,
    Territoire,
    TypeEquipement,
)


@admin.register(Departement)
class DepartementAdmin(admin.ModelAdmin):
    list_display = ["code", "nom", "region", "millesime"]
    search_fields = ["code", "nom"]


@admin.register(Commune)
class CommuneAdmin(admin.ModelAdmin):
    list_display = ["code", "nom", "departement", "population", "millesime"]
    list_select_related = ["departement"]
    search_fields = ["code", "nom", "siren"]
    autocomplete_fields = ["departement"]


@admin.register(Territoire)
class TerritoireAdmin(admin.ModelAdmin):
    list_display = ["nom", "siren", "nature", "departement", "population", "millesime"]
    list_select_related = ["departement"]
    list_filter = ["nature"]
    search_fields = ["nom", "siren"]
    autocomplete_fields = ["departement", "communes"]


@admin.register(Organisation)
class OrganisationAdmin(admin.ModelAdmin):
    list_display = ["nom", "nature", "departement", "siren"]
    list_select_related = ["departement"]
    list_filter = ["nature"]
    search_fields = ["nom", "siren", "siret"]
    autocomplete_fields = ["departement", "territoire", "commune"]


@admin.register(Domaine)
class DomaineAdmin(admin.ModelAdmin):
    list_display = ["intitule", "code", "nature", "ordre"]
    list_filter = ["nature"]
    search_fields = ["intitule", "code"]


@admin.register(Dispositif)
class DispositifAdmin(admin.ModelAdmin):
    list_display = ["intitule", "code", "groupe", "ordre"]
    list_filter = ["groupe"]
    search_fields = ["intitule", "code"]


@admin.register(Convention)
class ConventionAdmin(admin.ModelAdmin):
    """The statut is changed on the convention's page, by its verb; here it is only read."""

    list_display = ["code", "nature", "territoire", "debut", "fin", "statut"]
    list_select_related = ["territoire"]
    list_filter = ["nature", "statut"]
    search_fields = ["code", "intitule", "numero", "territoire__nom"]
    autocomplete_fields = ["territoire", "domaines", "precedente", "principale"]
    readonly_fields = ["statut"]


@admin.register(Signataire)
class SignataireAdmin(admin.ModelAdmin):
    list_display = ["organisation", "convention", "signe_le"]
    list_select_related = ["organisation", "convention__territoire"]
    search_fields = ["organisation__nom", "convention__code"]
    autocomplete_fields = ["convention", "organisation"]


@admin.register(Partenaire)
class PartenaireAdmin(admin.ModelAdmin):
    list_display = ["organisation", "convention", "role"]
    list_select_related = ["organisation", "convention__territoire"]
    search_fields = ["organisation__nom", "convention__code"]
    autocomplete_fields = ["convention", "organisation"]


@admin.register(Phase)
class PhaseAdmin(admin.ModelAdmin):
    list_display = [
        "convention",
        "nature",
        "precision",
        "debut_prevu",
        "fin_prevue",
        "debut_reel",
        "fin_reelle",
    ]
    list_select_related = ["convention__territoire"]
    list_filter = ["nature"]
    search_fields = ["convention__code"]
    autocomplete_fields = ["convention"]


@admin.register(Financement)
class FinancementAdmin(admin.ModelAdmin):
    list_display = ["exercice", "convention", "dispositif", "beneficiaire", "prevu", "notifie", "verse"]
    list_select_related = ["convention__territoire", "dispositif", "beneficiaire"]
    list_filter = ["exercice", "dispositif__groupe"]
    search_fields = ["convention__code", "beneficiaire__nom", "reference_cof"]
    autocomplete_fields = ["convention", "financeur", "dispositif", "beneficiaire"]


@admin.register(TypeEquipement)
class TypeEquipementAdmin(admin.ModelAdmin):
    list_display = ["intitule", "code", "famille", "unite_capacite", "ordre"]
    list_filter = ["famille"]
    search_fields = ["intitule", "code"]


@admin.register(Equipement)
class EquipementAdmin(admin.ModelAdmin):
    list_display = ["nom", "type", "territoire", "commune", "gestionnaire", "ouvert_le", "ferme_le"]
    list_select_related = ["type", "territoire", "commune", "gestionnaire"]
    list_filter = ["type__famille"]
    search_fields = ["nom", "territoire__nom", "commune__nom"]
    autocomplete_fields = ["territoire", "type", "commune", "gestionnaire"]


@admin.register(Avenant)
class AvenantAdmin(admin.ModelAdmin):
    """An avenant is signed on its page, by its verb; here it is only read."""

    list_display = ["convention", "numero", "objet", "statut", "signe_le"]
    list_select_related = ["convention__territoire"]
    list_filter = ["statut"]
    search_fields = ["convention__code", "objet"]
    autocomplete_fields = ["convention", "domaines_ajoutes", "domaines_retires", "organisations_ajoutees"]
    raw_id_fields = ["signataires_retires", "copie"]
    readonly_fields = ["statut", "signe_le", "avant"]


@admin.register(ArticleConvention)
class ArticleConventionAdmin(admin.ModelAdmin):
    list_display = ["titre", "convention", "ordre"]
    list_select_related = ["convention__territoire"]
    search_fields = ["titre", "convention__code"]
    autocomplete_fields = ["convention"]


@admin.register(Mandat)
class MandatAdmin(admin.ModelAdmin):
    list_display = ["nom", "fonction", "organisation", "debut", "fin"]
    list_select_related = ["organisation"]
    search_fields = ["nom", "fonction", "organisation__nom"]
    autocomplete_fields = ["organisation"]


class ReadOnlyAdmin(admin.ModelAdmin):
    """What the portal wrote by itself: read here, never written by hand."""

    def has_add_permission(self, request):
        return False

    def has_change_permission(self, request, obj=None):
        return False


@admin.register(Document)
class DocumentAdmin(ReadOnlyAdmin):
    list_display = ["titre", "convention", "nature", "version", "visibilite", "retire_le"]
    list_select_related = ["convention__territoire"]
    list_filter = ["nature", "visibilite"]
    search_fields = ["titre", "convention__code"]


@admin.register(Importation)
class ImportationAdmin(ReadOnlyAdmin):
    list_display = ["nom_fichier", "nature", "convention", "statut", "created_at"]
    list_select_related = ["convention__territoire"]
    list_filter = ["nature", "statut"]
    fields = ["nom_fichier", "nature", "convention", "statut", "reponses", "rapport"]


@admin.register(FusionOrganisation)
class FusionOrganisationAdmin(ReadOnlyAdmin):
    list_display = ["absorbee", "gardee", "auteur", "created_at", "annulee_le"]
    list_select_related = ["absorbee", "gardee", "auteur"]


@admin.register(Habilitation)
class HabilitationAdmin(admin.ModelAdmin):
    list_display = ["user", "role", "convention", "organisation"]
    list_select_related = ["user", "convention__territoire", "organisation"]
    list_filter = ["role"]
    search_fields = ["user__email", "user__nom", "convention__code", "organisation__nom"]
    autocomplete_fields = ["convention", "organisation"]


@admin.register(Impression)
class ImpressionAdmin(admin.ModelAdmin):
    """A cache: nothing here is written by hand."""

    list_display = ["titre", "convention", "statut", "created_at", "prete_le"]
    list_select_related = ["convention__territoire"]
    list_filter = ["statut"]
    fields = ["titre", "convention", "nom_fichier", "statut", "created_at", "prete_le"]
    readonly_fields = fields

    def has_add_permission(self, request):
        return False
