"""The report of a linked contract: what it is, its money, the fiches it carries and what was decided about them."""

import datetime
from typing import Any

from django.contrib.postgres.expressions import ArraySubquery
from django.db.models import Count, F, OuterRef, Prefetch, Q
from django.db.models.functions import JSONObject
from django.utils import timezone
from django.utils.text import slugify

from actions.models import Axe, IndicateurSuivi, Mesure
from actions.models.fiche import FicheActionQuerySet
from actions.models.progression import Progression, total_progress, with_progression
from conventions.models import Convention, tableaux_financements
from ctg_portal.contenu import Acte, Bloc, Colonne, Section, Tableau, Texte
from ctg_portal.templatetags.portal import VIDE, date_fr, euros, jours, nombre, periode
from governance.actes import carried
from governance.models import Decision, EffetDecision

NON_OUVERT = "Les montants de ce contrat sont réservés à ceux qui le suivent."


def contrat_rapport(contrat: Convention, *, with_money: bool, today: datetime.date | None = None) -> Acte:
    """``with_money``: the reader may open the contract itself. Confidential and archived fiches are left out."""
    today = today or timezone.localdate()
    fiches = carried(contrat)
    axes = with_progression(Axe.objects.filter(fiches__in=fiches).distinct(), fiches)
    return Acte(
        titre=f"Rapport – {contrat}",
        nom=f"Rapport du contrat {contrat.sigle}",
        sous_titre=periode(contrat.debut, contrat.fin),
        mentions=[contrat.intitule, contrat.get_nature_display(), f"État au {date_fr(today)}"],
        sections=[
            *_identite(contrat),
            _financements(contrat) if with_money else Section("Financements", 1, [Texte(NON_OUVERT)]),
            *_fiches(fiches, axes),
            _decisions(fiches),
        ],
        auteur=contrat.territoire.nom,
        avertissement=contrat.avertissement,
    )


def rapport_filename(contrat: Convention, today: datetime.date | None = None) -> str:
    """« rapport-gmr-carlades-2026-11-25.pdf »."""
    day = (today or timezone.localdate()).isoformat()
    return f"rapport-{slugify(contrat.sigle)}-{slugify(contrat.territoire.nom_court)}-{day}.pdf"


def _identite(contrat: Convention) -> list[Section]:
    facts = [
        ["Nature", contrat.get_nature_display()],
        ["Intitulé", contrat.intitule],
        ["Numéro", contrat.numero or VIDE],
        ["Statut", contrat.get_statut_display()],
        ["Période", periode(contrat.debut, contrat.fin)],
        ["Signé", f"le {date_fr(contrat.signee_le)}" if contrat.signee_le else "date non renseignée"],
    ]
    blocs: list[Bloc] = []
    if principale := contrat.principale:
        facts.append(["Plan partagé avec", f"{principale}, {periode(principale.debut, principale.fin)}"])
        blocs.append(Texte(recouvrement(contrat, principale)))
    colonnes = (Colonne("Rubrique", 30), Colonne("Valeur", 70))
    blocs.insert(0, Tableau("Identité du contrat", colonnes, facts))
    lignes = [
        [
            row.organisation.nom,
            "\n".join(filter(None, (row.representant, row.fonction))) or VIDE,
            f"le {date_fr(row.signe_le)}" if row.signe_le else "à signer",
        ]
        for row in contrat.signataires.actuels().select_related("organisation")
    ]
    tete = (Colonne("Signataire", 50), Colonne("Représentant et fonction", 30), Colonne("Signé", 20))
    signataires: Bloc = (
        Tableau("Signataires du contrat", tete, lignes)
        if lignes
        else Texte("Aucun signataire n’est inscrit.")
    )
    return [
        Section("Le contrat", 1, blocs, saut=True),
        Section("Signataires", 2, [signataires]),
    ]


def recouvrement(contrat: Convention, principale: Convention) -> str:
    """How the two periods stand to each other, in a sentence."""
    if not contrat.overlaps(principale):
        return f"Le contrat et la {principale.sigle} ne courent pas en même temps."
    debut, fin = max(contrat.debut, principale.debut), min(contrat.fin, principale.fin)
    sentence = f"Le contrat et la {principale.sigle} courent ensemble {periode(debut, fin)}"
    if contrat.fin > principale.fin:
        return f"{sentence} ; le contrat continue {jours((contrat.fin - principale.fin).days)} après elle."
    if contrat.fin < principale.fin:
        return f"{sentence} ; il finit {jours((principale.fin - contrat.fin).days)} avant elle."
    return f"{sentence} et finissent le même jour."


def _financements(contrat: Convention) -> Section:
    colonnes = (
        Colonne("Dispositif", 30),
        Colonne("Financeur et bénéficiaire", 25),
        Colonne("Prévu", 15, nombre=True),
        Colonne("Notifié", 15, nombre=True),
        Colonne("Versé", 15, nombre=True),
    )
    blocs: list[Bloc] = []
    for tableau in tableaux_financements(contrat.financements.for_table()):
        lignes = [
            [
                f"{row.dispositif}\n{row.objet}".strip(),
                f"{row.financeur} → {row.beneficiaire}",
                *(euros(amount) for amount in (row.prevu, row.notifie, row.verse)),
            ]
            for groupe in tableau.groupes
            for row in groupe.lignes
        ]
        total = tableau.total
        lignes.append(["Total", "", *(euros(amount) for amount in (total.prevu, total.notifie, total.verse))])
        blocs.append(Tableau(f"Exercice {tableau.exercice}", colonnes, lignes, total=True))
    if not blocs:
        blocs.append(Texte("Aucun financement n’est inscrit pour ce contrat."))
    return Section("Financements", 1, blocs)


def _fiches(fiches: FicheActionQuerySet, axes: list[tuple[Axe, Progression]]) -> list[Section]:
    total = total_progress(found for _, found in axes)
    if not total.total:
        return [Section("Fiches portées", 1, [Texte("Ce contrat ne porte aucune fiche.")])]
    lignes = [[_axe(axe), *_comptes(found)] for axe, found in axes]
    lignes.append(["Ensemble", *_comptes(total)])
    plural = "s" if total.total > 1 else ""
    sections = [
        Section(
            "Fiches portées",
            1,
            [
                Texte(f"{total.total} fiche{plural} action, dont {_late(total.late)}."),
                Tableau("Fiches par axe et par avancement", COMPTES, lignes, total=True),
            ],
        )
    ]
    by_axe: dict[int, list[list[str]]] = {axe.pk: [] for axe, _ in axes}
    for fiche in _loaded(fiches):
        by_axe[fiche.axe_id].append(_fiche(fiche))
    for axe, _ in axes:
        sections.append(
            Section(_axe(axe), 2, [Tableau(f"Fiches de l’axe {axe.code}", FICHES, by_axe[axe.pk])])
        )
    return sections


COMPTES = (
    Colonne("Axe", 40),
    Colonne("Réalisées", 10, nombre=True),
    Colonne("En cours", 10, nombre=True),
    Colonne("En pause", 10, nombre=True),
    Colonne("À venir", 10, nombre=True),
    Colonne("Abandons", 10, nombre=True),
    Colonne("Total", 10, nombre=True),
)
FICHES = (
    Colonne("Fiche", 35),
    Colonne("Avancement", 15),
    Colonne("Échéance", 15),
    Colonne("Étapes", 10),
    Colonne("Indicateurs", 25),
)


def _axe(axe: Axe) -> str:
    return f"Axe {axe.code} – {axe.intitule}" if axe.code else axe.intitule


def _late(count: int) -> str:
    return "aucune en retard" if count == 0 else f"{count} en retard"


def _comptes(found: Progression) -> list[str]:
    codes = ("realisee", "en_cours", "en_pause", "a_venir", "abandonnee")
    return [str(found.counts.get(code, 0)) for code in codes] + [str(found.total)]


def _loaded(fiches: FicheActionQuerySet) -> Any:
    """With their steps counted and, of each indicator, its last measure; one query."""
    last = (
        Mesure.objects.filter(indicateur=OuterRef("pk"), valeur__isnull=False)
        .order_by("-annee")
        .values(row=JSONObject(annee="annee", valeur="valeur"))[:1]
    )
    indicateurs = (
        IndicateurSuivi.objects.filter(fiche=OuterRef("pk"))
        .order_by("ordre", "pk")
        .annotate(mesures_lues=ArraySubquery(last))
        .values(row=JSONObject(intitule="intitule", unite="unite", cible="cible", mesures=F("mesures_lues")))
    )
    return (
        fiches.in_plan_order()
        .with_late()
        .annotate(
            nb_etapes=Count("etapes", distinct=True),
            nb_faites=Count("etapes", filter=Q(etapes__faite_le__isnull=False), distinct=True),
            rows_indicateurs=ArraySubquery(indicateurs),
        )
    )


def _fiche(fiche: Any) -> list[str]:
    late = f"\nen retard de {jours(fiche.jours_de_retard)}" if fiche.is_late else ""
    etapes = f"{fiche.nb_faites} sur {fiche.nb_etapes}" if fiche.nb_etapes else VIDE
    return [
        str(fiche),
        fiche.get_avancement_display(),
        date_fr(fiche.echeance) + late,
        etapes,
        "\n".join(_indicateur(row) for row in fiche.rows_indicateurs) or VIDE,
    ]


def _indicateur(row: dict[str, Any]) -> str:
    """« Enfants accueillis : 42 en 2025, cible 60 »."""
    said = [f"{nombre(mesure['valeur'])} en {mesure['annee']}" for mesure in row["mesures"]]
    said += [f"cible {nombre(row['cible'])}"] if row["cible"] is not None else []
    unite = f" ({row['unite']})" if row["unite"] else ""
    return f"{row['intitule']}{unite} : {', '.join(said) or 'pas encore mesuré'}"


def _decisions(fiches: FicheActionQuerySet) -> Section:
    effets = EffetDecision.objects.filter(fiche__in=fiches).select_related("fiche")
    found = (
        Decision.objects.filter(effets__fiche__in=fiches)
        .distinct()
        .select_related("reunion")
        .prefetch_related(Prefetch("effets", effets, to_attr="effets_lus"))
        .order_by("-reunion__debut", "-rang")
    )
    lignes = [
        [
            f"{decision.numero}\n{date_fr(decision.reunion.debut)}",
            decision.texte,
            "\n".join(effet.phrase for effet in decision.effets_lus),
            _suite(decision),
        ]
        for decision in found
    ]
    if not lignes:
        return Section("Décisions", 1, [Texte("Aucune décision ne concerne ces fiches.")])
    colonnes = (
        Colonne("Décision", 20),
        Colonne("Texte", 35),
        Colonne("Fiches concernées", 25),
        Colonne("Suite", 20),
    )
    return Section("Décisions", 1, [Tableau("Décisions qui concernent ces fiches", colonnes, lignes)])


def _suite(decision: Decision) -> str:
    if decision.realisee_le:
        return f"réalisée le {date_fr(decision.realisee_le)}"
    if not decision.is_ouverte:
        return "pour acte"
    due = f" pour le {date_fr(decision.echeance)}" if decision.echeance else ""
    return f"à réaliser{due}"
