"""What the diagnostic says, told once: its own document and the annexe of the convention are made of these sections."""

from collections import defaultdict
from dataclasses import replace
from typing import Any

from django.contrib.postgres.expressions import ArraySubquery
from django.db.models import OuterRef

from conventions.models import Domaine, Organisation
from conventions.models.offre import offre_services
from ctg_portal.contenu import Bloc, Colonne, Section, Tableau, Texte
from ctg_portal.templatetags.portal import VIDE, date_fr, nombre
from diagnostics.models import Atelier, Constat, Diagnostic, Enjeu, portrait
from diagnostics.models.portrait import Chiffre, LignePortrait

PAS_ECRIT = "Cette partie n’est pas encore écrite."


def diagnostic_sections(diagnostic: Diagnostic) -> list[Section]:
    """All that it says, in reading order; an empty part says that nothing is written yet."""
    return [
        _texte("Synthèse", diagnostic.synthese, saut=True),
        _texte("Méthode", diagnostic.methode),
        *_portrait(diagnostic),
        *_offre(diagnostic),
        *_ateliers(diagnostic),
        *_paroles(diagnostic),
        *_constats(diagnostic),
        _enjeux(diagnostic),
    ]


def annexe_sections(diagnostic: Diagnostic) -> list[Section]:
    """The same parts one level down, for a convention that has the register and the plan as other annexes.

    The tables of figures, the ateliers and the list of paroles are read in the document of the diagnostic: two queries.
    """
    texts = (
        ("Synthèse", diagnostic.synthese),
        ("Méthode", diagnostic.methode),
        ("Portrait statistique", diagnostic.portrait),
        ("Offre de services", diagnostic.offre_services),
        ("Paroles de terrain", diagnostic.paroles_terrain),
    )
    parts = [_texte(titre, texte) for titre, texte in texts if texte or titre == "Synthèse"]
    parts += [*_constats(diagnostic), _enjeux(diagnostic)]
    return [replace(section, niveau=section.niveau + 1, saut=False) for section in parts]


def _texte(titre: str, texte: str, *, saut: bool = False) -> Section:
    return Section(titre, 1, [Texte(texte or PAS_ECRIT)], saut=saut)


def _portrait(diagnostic: Diagnostic) -> list[Section]:
    """The figures of the page « Portrait statistique », by theme: the same reading, one line an indicateur."""
    sections = [_texte("Portrait statistique", diagnostic.portrait, saut=True)]
    colonnes = (
        Colonne("Indicateur", 25),
        Colonne("Territoire", 15, nombre=True),
        Colonne("Département", 20, nombre=True),
        Colonne("France", 15, nombre=True),
        Colonne("Année et source", 25),
    )
    themes = portrait(diagnostic.convention.territoire).themes
    if themes and not diagnostic.portrait:
        sections = [Section("Portrait statistique", 1, [], saut=True)]
    for theme in themes:
        lignes = [_ligne(ligne) for ligne in theme.lignes if ligne.chiffre]
        if lignes:
            label = str(theme.theme.label)
            legende = f"{label} : le territoire, le département et la France"
            sections.append(Section(label, 2, [Tableau(legende, colonnes, lignes)]))
    return sections


def _ligne(ligne: LignePortrait) -> list[str]:
    indicateur, chiffre = ligne.indicateur, ligne.chiffre
    couverture = chiffre.couverture.texte if chiffre and chiffre.couverture else ""
    return [
        f"{indicateur} ({indicateur.unite})" if indicateur.unite else str(indicateur),
        *(_valeur(ligne, found) for found in (chiffre, ligne.departement, ligne.france)),
        ", ".join(filter(None, (str(chiffre.annee), chiffre.source, couverture))) if chiffre else VIDE,
    ]


def _valeur(ligne: LignePortrait, chiffre: Chiffre | None) -> str:
    """The figure, why it is missing, or its own year when it is not that of the territoire."""
    if chiffre is None:
        return VIDE
    if chiffre.valeur is None:
        return chiffre.raison
    other = f" ({chiffre.annee})" if ligne.chiffre and chiffre.annee != ligne.chiffre.annee else ""
    return f"{nombre(chiffre.valeur, ligne.indicateur.decimales)}{other}"


def _offre(diagnostic: Diagnostic) -> list[Section]:
    blocs: list[Bloc] = [Texte(diagnostic.offre_services)] if diagnostic.offre_services else []
    familles = offre_services(diagnostic.convention.territoire)
    if not blocs and not familles:
        return [_texte("Offre de services", "")]
    colonnes = (Colonne("Type", 30), Colonne("En service", 50), Colonne("Capacité connue", 20, nombre=True))
    sections = [Section("Offre de services", 1, blocs)]
    for famille in familles:
        lignes = [
            [
                offre.type.intitule,
                "\n".join(
                    f"{row.nom} ({row.commune.nom})" if row.commune else row.nom for row in offre.equipements
                ),
                VIDE
                if offre.capacite is None
                else f"{nombre(offre.capacite)} {offre.type.unite_capacite}".strip(),
            ]
            for offre in famille.types
        ]
        label = famille.famille.label
        sections.append(
            Section(label, 2, [Tableau(f"{label} : équipements et services en service", colonnes, lignes)])
        )
    return sections


def _ateliers(diagnostic: Diagnostic) -> list[Section]:
    organisations = Organisation.objects.filter(ateliers=OuterRef("pk")).order_by("nom").values("nom")
    rows = Atelier.objects.filter(diagnostic=diagnostic).annotate(noms=ArraySubquery(organisations))
    ateliers: list[Any] = list(rows)
    if not ateliers:
        return [Section("Ateliers", 1, [Texte("Aucun atelier n’est inscrit.")])]
    colonnes = (
        Colonne("Atelier", 30),
        Colonne("Date et lieu", 25),
        Colonne("Participants", 20, nombre=True),
        Colonne("Organisations présentes", 25),
    )
    lignes = [
        [
            row.intitule,
            "\n".join(filter(None, (date_fr(row.date), row.lieu))),
            nombre(row.participants),
            ", ".join(row.noms) or VIDE,
        ]
        for row in ateliers
    ]
    sections = [Section("Ateliers", 1, [Tableau("Ateliers du diagnostic", colonnes, lignes)])]
    sections += [Section(row.intitule, 2, [Texte(row.synthese)]) for row in ateliers if row.synthese]
    return sections


def _paroles(diagnostic: Diagnostic) -> list[Section]:
    blocs: list[Bloc] = [Texte(diagnostic.paroles_terrain)] if diagnostic.paroles_terrain else []
    by_theme: dict[str, list[str]] = defaultdict(list)
    for row in diagnostic.paroles.select_related("theme", "atelier"):
        origine = str(row.atelier) if row.atelier else row.origine
        qui = ", ".join(filter(None, (row.get_locuteur_display().lower(), origine)))
        by_theme[str(row.theme) if row.theme else "Sans thème"].append(f"- « {row.texte} » ({qui})")
    if not blocs and not by_theme:
        return [_texte("Paroles de terrain", "")]
    return [
        Section("Paroles de terrain", 1, blocs),
        *(Section(theme, 2, [Texte("\n".join(lines))]) for theme, lines in by_theme.items()),
    ]


def _constats(diagnostic: Diagnostic) -> list[Section]:
    constats = list(diagnostic.constats.with_preuves_dites())
    if not constats:
        return [Section("Constats", 1, [Texte("Aucun constat n’est encore écrit.")], saut=True)]
    colonnes = (Colonne("Constat", 30), Colonne("Nature", 15), Colonne("Ce qui le montre", 55))
    by_theme: dict[Domaine | None, list[list[str]]] = defaultdict(list)
    for row in constats:
        shown = [*([row.elements] if row.elements else []), *row.preuves_dites]
        by_theme[row.theme].append(
            [row.intitule, row.get_nature_display(), "\n".join(shown) or "sans preuve"]
        )
    themes = sorted(by_theme, key=lambda theme: (theme is None, theme.ordre if theme else 0, str(theme)))
    return [
        Section("Constats", 1, [], saut=True),
        *(
            Section(
                str(theme or "Sans thème"),
                2,
                [
                    Tableau(
                        f"{theme or 'Sans thème'} : points forts et points de vigilance",
                        colonnes,
                        by_theme[theme],
                    )
                ],
            )
            for theme in themes
        ),
    ]


def _enjeux(diagnostic: Diagnostic) -> Section:
    constats = Constat.objects.filter(enjeux=OuterRef("pk")).order_by("nature", "ordre", "pk")
    enjeux: list[Any] = list(
        diagnostic.enjeux.annotate(titres_constats=ArraySubquery(constats.values("intitule")))
    )
    if not enjeux:
        return Section("Enjeux", 1, [Texte("Aucun enjeu n’est encore écrit.")], saut=True)
    colonnes = (
        Colonne("Rang", 10),
        Colonne("Enjeu", 25),
        Colonne("Ce qu’il recouvre", 30),
        Colonne("Constats sur lesquels il repose", 35),
    )
    lignes = [
        [
            str(rang),
            row.intitule + (" (transversal)" if row.portee == Enjeu.Portee.TRANSVERSAL else ""),
            row.texte or VIDE,
            "\n".join(row.titres_constats) or VIDE,
        ]
        for rang, row in enumerate(enjeux, start=1)
    ]
    return Section("Enjeux", 1, [Tableau("Enjeux du territoire, par rang", colonnes, lignes)], saut=True)
