"""Fiches as an ``Acte``, for Word: the same description as the page and the PDF, block by block."""

import datetime
from collections.abc import Iterable, Iterator, Sequence

from django.utils import timezone

from actions.description import (
    ChampLu,
    Choix,
    RubriqueLue,
    TableLue,
    chapeau_of,
    read_for_paper,
)
from actions.models import FicheAction, PlanActions
from actions.models.arbre import BrancheAxe
from conventions.models import Convention
from ctg_portal.contenu import Acte, Bloc, Colonne, Section, Tableau, Texte, une_ligne
from ctg_portal.templatetags.portal import date_fr
from ctg_portal.word import FICHE

FAITS = (Colonne("Quoi", 30), Colonne("Ce qui est écrit", 70))
MODELE_FICHE = "actions/docx/fiche.docx"
MODELE_PLAN = "actions/docx/plan.docx"


def _items(lines: Iterable[str]) -> Texte:
    return Texte("\n".join(f"- {une_ligne(line)}" for line in lines))


def _table(lu: TableLue) -> Tableau:
    return Tableau(
        lu.table.legende,
        tuple(Colonne(colonne.libelle, largeur, colonne.is_nombre) for colonne, largeur in lu.entetes),
        [["\n".join([*cell.textes, *cell.dessous]) or "–" for cell in row] for row in lu.rangees],
        total=lu.table.total,
    )


def _sections(lue: RubriqueLue, niveau: int) -> Iterator[Section]:
    """A rubrique under its title; what is not a row of facts has a title of its own, one level below."""
    first = Section(lue.rubrique.titre, niveau)
    found = [first]
    for forme, lus in lue.groupes:
        if forme == "faits":
            facts = [[lu.champ.libelle, lu.texte] for lu in lus if isinstance(lu, ChampLu)]
            found[-1].blocs.append(Tableau(lue.rubrique.titre, FAITS, facts, faits=True))
            continue
        for lu in lus:
            if isinstance(lu, ChampLu):
                text: Bloc = Texte(lu.valeur) if forme == "texte" else _items(lu.textes)
                found.append(Section(lu.champ.libelle, niveau + 1, [text]))
            elif lu.table.en_blocs:
                found.append(Section(lu.table.libelle, niveau + 1))
                for bloc in lu.blocs:
                    texts: list[Bloc] = [
                        Texte(f"**{nom}**\n\n{texte}" if nom else texte) for nom, texte in bloc.textes
                    ]
                    found.append(Section(bloc.titre, niveau + 2, texts))
            else:
                found[-1].blocs.append(_table(lu))
    yield from found


def fiche_sections(fiche: FicheAction, choix: Choix, niveau: int, *, saut: bool = False) -> list[Section]:
    """One fiche, as loaded by ``for_document()``; its title at ``niveau``, on a new page when ``saut``."""
    title = Section(str(fiche), niveau, [Texte(chapeau_of(fiche))], FICHE, saut)
    found = [title]
    for lue in read_for_paper(fiche, choix):
        found.extend(_sections(lue, niveau + 1))
    return found


def _auteur(convention: Convention) -> str:
    return convention.territoire.nom


def fiche_acte(fiche: FicheAction, choix: Choix, mentions: Sequence[str]) -> Acte:
    convention = fiche.plan.convention
    return Acte(
        titre=f"Fiche action {fiche}",
        nom=str(fiche),
        sous_titre=str(convention),
        mentions=[f"Plan d’actions, {convention}", *mentions],
        sections=fiche_sections(fiche, choix, 1),
        auteur=_auteur(convention),
        avertissement=convention.avertissement,
    )


def plan_acte(
    plan: PlanActions,
    branches: Iterable[BrancheAxe],
    choix: Choix,
    mentions: Sequence[str],
    *,
    nom: str = "Plan d’actions",
    today: datetime.date | None = None,
) -> Acte:
    """Axes, each on a new page with its enjeu central, and their fiches; ``nom`` says whether it is the whole plan."""
    convention = plan.convention
    day = date_fr(today or timezone.localdate())
    intro: list[Bloc] = [Texte(f"Statut\u00a0: {plan.get_statut_display()}.")]
    if plan.introduction:
        intro.append(Texte(plan.introduction))
    sections = [Section("Présentation", 1, intro, saut=True)]
    for branche in branches:
        enjeu: list[Bloc] = (
            [Texte(f"**Enjeu central**\n\n{branche.axe.enjeu_central}")] if branche.axe.enjeu_central else []
        )
        sections.append(Section(str(branche.axe), 1, enjeu, saut=True))
        for rank, fiche in enumerate(branche.toutes):
            sections.extend(fiche_sections(fiche, choix, 2, saut=bool(rank or enjeu)))
    return Acte(
        titre=f"{nom} – {convention}",
        nom=nom,
        sous_titre=str(convention),
        mentions=[f"Version {plan.version}, éditée le {day}", *mentions],
        sections=sections,
        auteur=_auteur(convention),
        avertissement=convention.avertissement,
    )
