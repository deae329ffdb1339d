"""What ``/composants/`` shows: each component in its states, with names as long as real ones."""

from decimal import Decimal
from typing import Any

from django import forms
from django.core.paginator import Paginator

from ctg_portal.graphiques import Serie, barres_par_annee, barres_par_categorie

LONG = (
    "Accompagner l’accueil de la petite enfance et soutenir les assistantes maternelles indépendantes "
    "dans les communes qui n’ont pas de structure collective"
)

AVANCEMENTS = [
    ("a_venir", "À venir"),
    ("en_cours", "En cours"),
    ("realisee", "Réalisée"),
    ("en_pause", "En pause"),
    ("abandonnee", "Abandonnée"),
]
REDACTIONS = [
    ("brouillon", "Brouillon"),
    ("en_relecture", "En relecture"),
    ("a_completer", "À compléter"),
    ("validee", "Validée"),
    ("archivee", "Archivée"),
]
PRIORITES = [("haute", "Haute"), ("moyenne", "Moyenne"), ("basse", "Basse")]


class FiltreForm(forms.Form):
    recherche = forms.CharField(label="Mots du titre", required=False)
    axe = forms.ChoiceField(label="Axe", required=False, choices=[("", "Tous"), ("1", f"1. {LONG}")])
    avancement = forms.ChoiceField(label="Avancement", required=False, choices=[("", "Tous"), *AVANCEMENTS])
    pilote = forms.ChoiceField(label="Pilote", required=False, choices=[("", "Toutes"), ("1", "C. Martin")])
    en_retard = forms.BooleanField(label="En retard", required=False)


class SaisieForm(forms.Form):
    intitule = forms.CharField(label="Intitulé", max_length=300, help_text="300 signes au plus.")
    besoins = forms.CharField(
        label="Besoins repérés",
        required=False,
        widget=forms.Textarea(attrs={"rows": 4}),
        help_text="N’écrivez rien sur une famille ou une personne en particulier.",
    )
    priorite = forms.ChoiceField(label="Priorité", choices=PRIORITES, widget=forms.RadioSelect)
    publics = forms.MultipleChoiceField(
        label="Publics",
        choices=[("familles", "Familles"), ("0-3", "0–3 ans"), ("seniors", "Seniors")],
        widget=forms.CheckboxSelectMultiple,
    )
    echeance = forms.DateField(
        label="Fin prévue", widget=forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d")
    )
    confidentielle = forms.BooleanField(label="Fiche confidentielle", required=False)


class EtapeForm(forms.Form):
    titre = forms.CharField(label="Étape", max_length=200)
    echeance = forms.DateField(
        label="Pour le", required=False, widget=forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d")
    )
    montant = forms.DecimalField(label="Montant (€)", required=False, max_digits=12, decimal_places=2)


class IndicateurForm(forms.Form):
    intitule = forms.CharField(label="Indicateur", max_length=200)
    nature = forms.ChoiceField(
        label="Nature", choices=[("realisation", "Réalisation"), ("resultat", "Résultat")]
    )
    cible = forms.DecimalField(label="Cible", required=False)
    commentaire = forms.CharField(
        label="Commentaire", required=False, widget=forms.Textarea(attrs={"rows": 2})
    )


def _etapes() -> forms.BaseFormSet:
    """Bound and wrong, so that the page shows errors."""
    data = {
        "etapes-TOTAL_FORMS": "3",
        "etapes-INITIAL_FORMS": "2",
        "etapes-0-titre": "Recruter l’animatrice du relais",
        "etapes-0-echeance": "2026-02-01",
        "etapes-0-montant": "12500.50",
        "etapes-1-titre": "",
        "etapes-1-echeance": "2026-13-45",
        "etapes-2-titre": "",
    }
    formset = forms.formset_factory(EtapeForm, extra=1, can_delete=True)
    return formset(data, prefix="etapes")


def _indicateurs() -> forms.BaseFormSet:
    formset = forms.formset_factory(IndicateurForm, extra=1, can_delete=True)
    return formset(prefix="indicateurs", initial=[{"intitule": "Enfants accueillis", "cible": 24}])


SAMPLE: dict[str, Any] = {
    "long": LONG,
    "hostile": "<script>alert(1)</script> & « ceci » : vrai ?",
    "texte": (
        "Les familles du nord du territoire n’ont pas de relais à moins de trente minutes : "
        "elles s’adressent à la mairie, qui ne sait pas toujours répondre.\n\n"
        "Trois besoins reviennent :\n- un lieu ouvert le mercredi ;\n- des horaires élargis ;\n"
        "- une information unique, en ligne et sur papier.\n\nQui la tient à jour ?"
    ),
    "avancements": AVANCEMENTS,
    "redactions": REDACTIONS,
    "priorites": PRIORITES,
    "axes": [
        (1, "Faciliter la vie des familles"),
        (2, LONG),
        (3, "Accès aux droits et inclusion numérique"),
        (4, "Animation de la vie sociale"),
        (5, "Jeunesse"),
        (6, "Parentalité"),
        (7, "Logement"),
        (8, "Gouvernance et coordination"),
    ],
    "breadcrumbs": [("Conventions", "#"), ("Cazals-Salviac", "#"), ("Plan d’actions", "#"), (LONG, "")],
    "segments": [
        {"code": "realisee", "label": "Réalisées", "count": 18},
        {"code": "en_cours", "label": "En cours", "count": 7},
        {"code": "a_venir", "label": "À venir", "count": 4},
        {"code": "en_pause", "label": "En pause", "count": 2},
        {"code": "abandonnee", "label": "Abandonnées", "count": 1},
    ],
    "total": 32,
    "timeline": {
        "width": 1000,
        "years": [{"x": index * 200, "label": str(2022 + index)} for index in range(5)],
        "today_x": 978,
        "socle": {"x": 0, "w": 1000, "passe": 978},
        "phases": [
            {"x": 0, "w": 90, "label": "Diagnostic", "state": "fait", "dates": "de janvier à juin 2022"},
            {"x": 90, "w": 80, "label": "Plan d’actions", "state": "fait", "dates": "de juin à octobre 2022"},
            {
                "x": 170,
                "w": 830,
                "label": "Mise en œuvre",
                "state": "en_cours",
                "dates": "depuis novembre 2022",
            },
            {"x": 880, "w": 120, "label": "Évaluation", "state": "en_cours", "dates": "depuis mai 2026"},
            {
                "x": 940,
                "w": 60,
                "label": "Renouvellement",
                "state": "prevu",
                "dates": "à partir de septembre 2026",
            },
        ],
        "bars": [
            {
                "x": 300,
                "w": 600,
                "label": "GMR de la MSA",
                "state": "lien",
                "dates": "de juillet 2023 à juin 2026",
            }
        ],
    },
    "graphiques": [
        barres_par_annee(
            "Prévu, notifié et versé, par exercice",
            [2022, 2023, 2024],
            [
                Serie("Prévu", (Decimal(240000), Decimal(251000), Decimal(263500)), 1),
                Serie("Notifié", (Decimal("247900.10"), None, Decimal(263500)), 2),
                Serie("Versé", (Decimal("248220.56"), Decimal(0), None), 0),
            ],
        ),
        barres_par_annee(
            "Versé par exercice et par groupe",
            [2022, 2023, 2024],
            [
                Serie("Prestations de service", (Decimal("157191.67"), Decimal(160200), Decimal(163000)), 0),
                Serie("Bonus territoire CTG", (Decimal("88443.16"), Decimal(89000), None), 1),
                Serie("Fonds publics et territoires", (Decimal("2585.73"), None, Decimal(40000)), 2),
                Serie("Autres financements", (None, Decimal(38000), Decimal(52000)), 3),
            ],
            empilees=True,
        ),
        barres_par_categorie(
            "Versé par bénéficiaire",
            ["CC Cazals-Salviac", LONG, "Association sans montant"],
            [Serie("Versé", (Decimal("248220.56"), Decimal(77647), None))],
        ),
    ],
    "todo": [
        {"text": "fiches en retard", "url": "#", "count": 3},
        {"text": "fiches à compléter, demandées par la CAF", "url": "#", "count": 2},
        {"text": "COPIL 2026 : préparer le dossier de séance", "url": "#", "count": None},
        {"text": "Avis rendu par la CAF", "url": None, "count": None},
    ],
    "facts": [
        ("Structure pilote", "Communauté de communes Cazals-Salviac"),
        ("Période", "du 1er janvier 2022 au 31 décembre 2026"),
        ("Élue référente", None),
        ("Objectif", LONG),
    ],
    "filters": [
        {"label": "en retard", "url_remove": "?axe=2"},
        {"label": f"Axe 2, {LONG}", "url_remove": "?en_retard=on"},
    ],
    "filtre_form": FiltreForm(),
    "saisie_form": SaisieForm({"intitule": "", "besoins": "Un lieu ouvert le mercredi."}),
    "etapes": _etapes(),
    "indicateurs": _indicateurs(),
    "page_obj": Paginator(range(260), 25).page(5),
    "messages": [
        {"level_tag": "success", "text": "Section « Contexte » enregistrée à 14 h 32."},
        {"level_tag": "info", "text": "Le dossier de séance est en cours de mise en page."},
        {"level_tag": "warning", "text": "C. Martin a modifié cette fiche pendant que vous écriviez."},
        {"level_tag": "error", "text": "La fiche n’a pas été enregistrée : l’intitulé manque."},
    ],
    "rows": [
        ("1.1.1", "Ouvrir un relais petite enfance itinérant", "en_cours", "En cours", 12, "21 400,00"),
        ("1.1.2", LONG, "a_venir", "À venir", 0, "248 220,56"),
        ("1.1.3", "Guichet unique des modes d’accueil", "realisee", "Réalisée", 0, "–"),
    ],
    "icons": ["house", "pencil", "download", "file-earmark-pdf", "calendar-event", "people", "clock-history"],
}
