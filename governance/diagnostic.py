"""The diagnostic as a document: one content, drawn as a page, a tagged PDF and a Word file; frozen when validated."""

import datetime
import hashlib
import io
from collections import defaultdict
from typing import Any

import pikepdf
from django.db import transaction
from django.db.models import Max
from django.template.loader import render_to_string
from django.utils import timezone
from django.utils.text import slugify

from conventions.models import Domaine
from conventions.models.offre import offre_services
from ctg_portal.contenu import Acte, Bloc, Colonne, Section, Tableau, Texte
from ctg_portal.documents import render_pdf
from ctg_portal.models import User
from ctg_portal.templatetags.portal import VIDE, date_fr, nombre
from diagnostics.models import Atelier, Constat, Diagnostic, Enjeu, Valeur
from governance.actes import acte_html
from governance.models import DocumentEmis

COMPARES = (Valeur.Niveau.EPCI, Valeur.Niveau.DEPARTEMENT, Valeur.Niveau.FRANCE)


def diagnostic_acte(diagnostic: Diagnostic) -> Acte:
    """All that the diagnostic says, in reading order; an empty part says that nothing is written yet."""
    convention = diagnostic.convention
    territoire = convention.territoire
    constats = list(diagnostic.constats.with_preuves())
    return Acte(
        titre=f"Diagnostic partagé – {territoire.nom} – {convention.periode}",
        nom="Diagnostic partagé",
        sous_titre=f"Année {diagnostic.annee}" if diagnostic.annee else convention.periode,
        mentions=[convention.intitule, diagnostic.get_statut_display()],
        sections=[
            _texte("Synthèse", diagnostic.synthese, saut=True),
            _texte("Méthode", diagnostic.methode),
            *_portrait(diagnostic),
            *_offre(diagnostic),
            *_ateliers(diagnostic),
            *_paroles(diagnostic),
            *_constats(constats),
            _enjeux(diagnostic),
        ],
        auteur=territoire.nom,
        avertissement=convention.avertissement,
    )


def _texte(titre: str, texte: str, *, saut: bool = False) -> Section:
    return Section(titre, 1, [Texte(texte or "Cette partie n’est pas encore écrite.")], saut=saut)


def _portrait(diagnostic: Diagnostic) -> list[Section]:
    """The last known figure of each indicateur for the intercommunalité, beside the département and France the same year."""
    territoire = diagnostic.convention.territoire
    known = (
        Valeur.objects.known()
        .filter(territoire=territoire, niveau__in=COMPARES)
        .select_related("indicateur")
        .order_by("indicateur__ordre", "indicateur__intitule", "-annee", "source", "pk")
    )
    by_place: dict[Any, dict[tuple[str, int], Any]] = defaultdict(dict)
    for row in known:
        by_place[row.indicateur].setdefault((row.niveau, row.annee), row)
    lignes = []
    for indicateur, found in by_place.items():
        latest = next((row for (niveau, _), row in found.items() if niveau == Valeur.Niveau.EPCI), None)
        if latest is None:
            continue
        cells = [found.get((niveau, latest.annee)) for niveau in COMPARES]
        lignes.append(
            [
                f"{indicateur}{f' ({indicateur.unite})' if indicateur.unite else ''}",
                *(nombre(row.valeur, indicateur.decimales) if row else VIDE for row in cells),
                f"{latest.annee}, {latest.source}",
            ]
        )
    blocs: list[Bloc] = [Texte(diagnostic.portrait)] if diagnostic.portrait else []
    if lignes:
        colonnes = (
            Colonne("Indicateur", 35),
            Colonne("Territoire", 10, nombre=True),
            Colonne("Département", 15, nombre=True),
            Colonne("France", 10, nombre=True),
            Colonne("Année et source", 30),
        )
        blocs.append(Tableau("Chiffres du territoire, du département et de la France", colonnes, lignes))
    return [
        Section(
            "Portrait statistique", 1, blocs or [Texte("Cette partie n’est pas encore écrite.")], saut=True
        )
    ]


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
    ateliers = list(Atelier.objects.filter(diagnostic=diagnostic).prefetch_related("organisations"))
    if not ateliers:
        return [Section("Ateliers", 1, [Texte("Aucun atelier n’est inscrit.")])]
    colonnes = (
        Colonne("Atelier", 30),
        Colonne("Date et lieu", 25),
        Colonne("Participants", 15, nombre=True),
        Colonne("Organisations présentes", 30),
    )
    lignes = [
        [
            row.intitule,
            "\n".join(filter(None, (date_fr(row.date), row.lieu))),
            nombre(row.participants),
            ", ".join(str(organisation) for organisation in row.organisations.all()) or VIDE,
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


def _preuves(constat: Constat) -> list[str]:
    return [
        *(row.en_clair for row in constat.valeurs.all()),
        *(f"« {row.texte} » ({row.get_locuteur_display().lower()})" for row in constat.paroles.all()),
        *(row.nom for row in constat.equipements.all()),
    ]


def _constats(constats: list[Constat]) -> list[Section]:
    if not constats:
        return [Section("Constats", 1, [Texte("Aucun constat n’est encore écrit.")], saut=True)]
    colonnes = (Colonne("Constat", 30), Colonne("Nature", 15), Colonne("Ce qui le montre", 55))
    by_theme: dict[Domaine | None, list[list[str]]] = defaultdict(list)
    for row in constats:
        shown = [*([row.elements] if row.elements else []), *_preuves(row)]
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
    enjeux = list(diagnostic.enjeux.prefetch_related("constats"))
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
            "\n".join(str(constat) for constat in row.constats.all()) or VIDE,
        ]
        for rang, row in enumerate(enjeux, start=1)
    ]
    return Section("Enjeux", 1, [Tableau("Enjeux du territoire, par rang", colonnes, lignes)], saut=True)


def diagnostic_filename(diagnostic: Diagnostic, extension: str, *, version: int = 0) -> str:
    """« diagnostic-cazals-salviac-2026-11-25.docx », or « …-v2.pdf » for what is frozen."""
    territoire = slugify(diagnostic.convention.territoire.nom_court)
    suffix = f"v{version}" if version else timezone.localdate().isoformat()
    return f"diagnostic-{territoire}-{diagnostic.convention.debut.year}-{suffix}.{extension}"


@transaction.atomic
def validate_diagnostic(
    diagnostic: Diagnostic, *, by: User, today: datetime.date | None = None
) -> DocumentEmis:
    """Move the diagnostic to « validé en COPIL » and freeze it as the next version of the annexe, or neither.

    Raise ``TransitionError`` when it may not be validated.
    """
    # The verb locks the row: one writer at a time numbers the versions.
    diagnostic.move_to(Diagnostic.Statut.VALIDE, by=by)
    convention = diagnostic.convention
    frozen = DocumentEmis.objects.filter(convention=convention, nature=DocumentEmis.Nature.DIAGNOSTIC)
    version = (frozen.aggregate(last=Max("version"))["last"] or 0) + 1
    acte = diagnostic_acte(diagnostic)
    contenu = render_pdf(acte_html(acte, convention, today))
    with pikepdf.open(io.BytesIO(contenu)) as pdf:
        pages = len(pdf.pages)
    return DocumentEmis.objects.create(
        convention=convention,
        nature=DocumentEmis.Nature.DIAGNOSTIC,
        titre=acte.titre,
        version=version,
        nom_fichier=diagnostic_filename(diagnostic, "pdf", version=version),
        contenu=contenu,
        html=render_to_string("governance/pdf/diagnostic.html", {"acte": acte}),
        sha256=hashlib.sha256(contenu).hexdigest(),
        taille=len(contenu),
        pages=pages,
        auteur=by,
    )
