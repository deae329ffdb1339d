"""One search over what a person may read: fiches and what is written on them, decisions, meetings, documents (ADR 0026).

Each ``Source`` starts from ``visible_to(user)`` as its page does. A page of results takes three queries, whatever the
number of sources: how many of each kind, which ones, and their words with the found ones marked.
"""

import datetime
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from django import forms
from django.contrib.postgres.search import SearchRank
from django.core.paginator import Page, Paginator
from django.db.models import Case, Count, F, FloatField, Q, QuerySet, TextField, Value, When
from django.db.models.functions import Cast, Concat, LPad, Replace, TruncDate, Upper
from django.urls import reverse

from actions.models import (
    Bilan,
    Commentaire,
    Etape,
    FicheAction,
    IndicateurSuivi,
    Note,
    PieceJointe,
    SuiteCommentaire,
)
from conventions.models import Convention, Document
from ctg_portal.models import User
from ctg_portal.plein_texte import (
    LONGUEUR_MAX,
    Morceau,
    Requete,
    Texte,
    Vecteur,
    extrait,
    marques,
    texte_of,
    vecteur_of,
)
from ctg_portal.textes import plain
from governance.models import (
    CompteRendu,
    Decision,
    DocumentEmis,
    PartieCompteRendu,
    PieceReunion,
    PointOrdreDuJour,
    Reunion,
)

PAR_PAGE = 20


class RechercheForm(forms.Form):
    """What is looked for, and where."""

    q = forms.CharField(
        label="Mots cherchés",
        required=False,
        max_length=LONGUEUR_MAX,
        error_messages={
            "max_length": "Cherchez avec moins de mots\u00a0: %(limit_value)d signes au plus, il y en a %(show_value)d."
        },
        widget=forms.SearchInput(attrs={"autocomplete": "off", "aria-describedby": "aide-recherche"}),
    )
    dans = forms.ModelChoiceField(
        label="Où",
        required=False,
        empty_label="Toutes mes conventions",
        queryset=Convention.objects.none(),
        to_field_name="code",
        error_messages={"invalid_choice": "Cette convention n’est pas parmi les vôtres."},
    )
    genre = forms.CharField(required=False, widget=forms.HiddenInput)

    def __init__(self, *args: Any, user: User, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        conventions = Convention.objects.visible_to(user).select_related("territoire")
        self.fields["dans"].queryset = conventions.order_by("territoire__nom", "-debut", "pk")  # type: ignore[attr-defined]  # a ModelChoiceField


Ligne = dict[str, Any]

_RIEN = Value("", TextField())


def _texte(*parts: Any) -> Concat:
    return Concat(*parts, output_field=TextField())


def _fiches(user: User) -> QuerySet[FicheAction]:
    return FicheAction.objects.visible_to(user).actives()


def _on_fiches(rows: QuerySet[Any], user: User) -> QuerySet[Any]:
    """Rows that belong to a fiche are read by whoever reads it."""
    return rows.filter(fiche__in=_fiches(user))


def _visible(rows: QuerySet[Any], user: User) -> QuerySet[Any]:
    found: QuerySet[Any] = rows.visible_to(user)  # type: ignore[attr-defined]  # the house's own queryset
    return found


def _threads(rows: QuerySet[Any], user: User) -> QuerySet[Any]:
    return _on_fiches(_visible(rows, user), user)


def _answers(rows: QuerySet[Any], user: User) -> QuerySet[Any]:
    threads = _threads(Commentaire.tous.all(), user)
    return rows.exclude(texte="").filter(commentaire__in=threads)


@dataclass(frozen=True)
class Source:
    """A kind of result.

    ``lignes(rows, user)`` keeps those that ``user`` may read; ``vers`` is the path of their convention, ``parent`` that
    of the fiche or the meeting whose page shows them, ``lieu`` its name. The first ``nb_titres`` fields of the model's
    ``index_texte`` make ``titre``; the others are quoted.
    """

    cle: str
    nom: str
    pluriel: str
    rows: QuerySet[Any]
    lignes: Callable[[QuerySet[Any], User], QuerySet[Any]]
    vers: str
    adresse: Callable[[Ligne], str]
    jour: Any
    titre: Any = _RIEN
    nb_titres: int = 0
    parent: str = "pk"
    lieu: Any = _RIEN

    def found(self, user: User, question: str, convention: Convention | None) -> QuerySet[Any]:
        rows = self.lignes(self.rows.order_by(), user)
        if convention is not None:
            rows = rows.filter(**{self.vers: convention})
        return rows.annotate(vecteur=vecteur_of(rows.model)).filter(vecteur=Requete(question))

    def ranked(self, user: User, question: str, convention: Convention | None) -> QuerySet[Any, Ligne]:
        """(genre, cle, score, quand): a word found in the title weighs more than any number of words below it."""
        requete = Requete(question)
        score: Any = SearchRank(F("vecteur"), requete)
        if self.nb_titres:
            in_title = When(Q(vecteur_titre=requete), then=Value(1.0))
            score += Case(in_title, default=Value(0.0), output_field=FloatField())
        rows = self.found(user, question, convention)
        if self.nb_titres:
            rows = rows.annotate(vecteur_titre=Vecteur(Cast(self.titre, TextField())))
        return rows.annotate(
            r_genre=Value(self.cle), r_cle=Cast("pk", TextField()), r_score=score, r_quand=self.jour
        ).values_list("r_genre", "r_cle", "r_score", "r_quand")

    def counted(self, user: User, question: str, convention: Convention | None) -> QuerySet[Any, Any]:
        rows = self.found(user, question, convention).annotate(r_genre=Value(self.cle))
        return rows.values("r_genre").annotate(r_nombre=Count("pk")).values_list("r_genre", "r_nombre")

    def read(self, keys: Sequence[str]) -> QuerySet[Any, Ligne]:
        """The words of rows that ``found`` gave."""
        fields = texte_of(self.rows.model).get_source_expressions()[self.nb_titres :]
        return (
            self.rows.order_by()
            .filter(pk__in=keys)
            .annotate(
                r_genre=Value(self.cle),
                r_cle=Cast("pk", TextField()),
                r_nom=Cast(self.titre, TextField()),
                r_corps=Texte(*fields) if fields else _RIEN,
                r_dans=Cast(F(self.parent), TextField()),
                r_lieu=Cast(self.lieu, TextField()),
                r_code=F(f"{self.vers}__code"),
                r_quand=self.jour,
            )
            .values("r_genre", "r_cle", "r_nom", "r_corps", "r_dans", "r_lieu", "r_code", "r_quand")
        )


def _page(route: str, ancre: str = "") -> Callable[[Ligne], str]:
    """The page of what holds the row."""
    return lambda row: reverse(route, args=[row["r_code"], row["r_dans"]]) + ancre


_FICHE = _texte("code", Value(" "), "intitule")
_DE_LA_FICHE = _texte("fiche__code", Value(" "), "fiche__intitule")
_DU_FIL = _texte("commentaire__fiche__code", Value(" "), "commentaire__fiche__intitule")
_NUMERO = _texte(
    Cast("annee", TextField()),
    Value("-"),
    Upper(Replace("serie", Value("_"), Value("-"))),
    Value("-"),
    LPad(Cast("rang", TextField()), 2, Value("0")),
)
_PLAN = "fiche__plan__convention"


def _of_a_fiche(
    cle: str, nom: str, pluriel: str, rows: QuerySet[Any], ancre: str, jour: Any, **titre: Any
) -> Source:
    """Rows that the page of a fiche shows, at ``ancre``."""
    address = _page("actions:fiche", ancre)
    found = {"parent": "fiche", "lieu": _DE_LA_FICHE, **titre}
    return Source(cle, nom, pluriel, rows, _on_fiches, _PLAN, address, jour, **found)


SOURCES = (
    Source(
        "fiche",
        "Fiche action",
        "Fiches action",
        FicheAction.objects.all(),
        lambda rows, user: rows.filter(pk__in=_fiches(user)),
        "plan__convention",
        _page("actions:fiche"),
        TruncDate("updated_at"),
        titre=_FICHE,
        nb_titres=2,
    ),
    _of_a_fiche(
        "note",
        "Note de suivi",
        "Notes de suivi",
        Note.objects.all(),
        "#suivi",
        F("date"),
    ),
    _of_a_fiche(
        "etape",
        "Étape",
        "Étapes",
        Etape.objects.all(),
        "#modalites",
        F("echeance"),
        titre=F("intitule"),
        nb_titres=1,
    ),
    _of_a_fiche(
        "indicateur",
        "Indicateur",
        "Indicateurs",
        IndicateurSuivi.objects.all(),
        "#evaluation",
        F("echeance_cible"),
        titre=F("intitule"),
        nb_titres=1,
    ),
    _of_a_fiche(
        "bilan",
        "Bilan",
        "Bilans",
        Bilan.objects.all(),
        "#suivi",
        TruncDate("updated_at"),
        titre=_texte(Value("Année "), Cast("annee", TextField())),
    ),
    Source(
        "commentaire",
        "Commentaire",
        "Commentaires",
        Commentaire.tous.all(),
        _threads,
        _PLAN,
        lambda row: reverse("actions:fiche", args=[row["r_code"], row["r_dans"]]) + f"#fil-{row['r_cle']}",
        TruncDate("created_at"),
        parent="fiche",
        lieu=_DE_LA_FICHE,
    ),
    Source(
        "reponse",
        "Réponse à un commentaire",
        "Réponses",
        SuiteCommentaire.objects.all(),
        _answers,
        f"commentaire__{_PLAN}",
        _page("actions:fiche", "#commentaires"),
        TruncDate("created_at"),
        parent="commentaire__fiche",
        lieu=_DU_FIL,
    ),
    _of_a_fiche(
        "piece",
        "Pièce jointe",
        "Pièces jointes",
        PieceJointe.objects.courantes(),
        "#pieces",
        TruncDate("created_at"),
        titre=F("titre"),
        nb_titres=1,
    ),
    Source(
        "decision",
        "Décision",
        "Décisions",
        Decision.objects.all(),
        _visible,
        "convention",
        _page("governance:decision"),
        TruncDate("reunion__debut"),
        titre=_NUMERO,
        lieu=F("reunion__instance__intitule"),
    ),
    Source(
        "point",
        "Point d’ordre du jour",
        "Points d’ordre du jour",
        PointOrdreDuJour.objects.all(),
        lambda rows, user: rows.filter(reunion__in=Reunion.objects.visible_to(user)),
        "reunion__instance__convention",
        _page("governance:reunion", "#agenda"),
        TruncDate("reunion__debut"),
        titre=F("intitule"),
        nb_titres=1,
        parent="reunion",
        lieu=F("reunion__instance__intitule"),
    ),
    Source(
        "reunion",
        "Notes de séance",
        "Notes de séance",
        Reunion.objects.all(),
        _visible,
        "instance__convention",
        _page("governance:reunion", "#notes"),
        TruncDate("debut"),
        titre=F("instance__intitule"),
    ),
    Source(
        "compte_rendu",
        "Compte rendu",
        "Comptes rendus",
        PartieCompteRendu.objects.exclude(compte_rendu__statut=CompteRendu.Statut.REDACTION),
        _visible,
        "compte_rendu__reunion__instance__convention",
        # The version that was submitted: only who writes them sees the parts on the page of the minutes.
        _page("governance:document"),
        TruncDate("compte_rendu__reunion__debut"),
        titre=F("titre"),
        nb_titres=1,
        parent="compte_rendu__document",
        lieu=F("compte_rendu__reunion__instance__intitule"),
    ),
    Source(
        "piece_reunion",
        "Pièce d’une réunion",
        "Pièces de réunion",
        PieceReunion.objects.courantes(),
        _visible,
        "reunion__instance__convention",
        _page("governance:reunion", "#pieces"),
        TruncDate("created_at"),
        titre=F("titre"),
        nb_titres=1,
        parent="reunion",
        lieu=F("reunion__instance__intitule"),
    ),
    Source(
        "emis",
        "Document émis",
        "Documents émis",
        DocumentEmis.objects.prets(),
        _visible,
        "convention",
        _page("governance:document"),
        TruncDate("emis_le"),
        titre=F("titre"),
        nb_titres=1,
    ),
    Source(
        "document",
        "Document déposé",
        "Documents déposés",
        Document.objects.courants(),
        _visible,
        "convention",
        _page("conventions:document"),
        TruncDate("created_at"),
        titre=F("titre"),
        nb_titres=1,
    ),
)
PAR_CLE = {source.cle: source for source in SOURCES}


@dataclass(frozen=True)
class Resultat:
    source: Source
    titre: list[Morceau]
    extrait: list[Morceau]
    lieu: str
    convention: Convention
    quand: datetime.date | None
    url: str


@dataclass(frozen=True)
class Genre:
    """A kind, with how many of it were found."""

    source: Source
    nombre: int
    choisi: bool


class Recherche:
    """What ``question`` finds for ``user``: in one convention or in all of theirs, of one kind or of all."""

    def __init__(
        self, user: User, question: str, *, convention: Convention | None, genre: str, page: str | None
    ) -> None:
        self.user, self.question, self.convention = user, question, convention
        counts = self._union("counted", SOURCES) if question else ()
        nombres = {source: nombre for source, nombre in counts if nombre}
        choisi = genre if nombres.get(genre) else ""
        self.total = sum(nombres.values())
        self.genres = [
            Genre(source, nombres[source.cle], source.cle == choisi)
            for source in SOURCES
            if source.cle in nombres
        ]
        self.sources = [found.source for found in self.genres if found.choisi or not choisi]
        nombre = sum(nombres[source.cle] for source in self.sources)
        self.page: Page[Any] = Paginator(range(nombre), PAR_PAGE).get_page(page)
        self.resultats = self._resultats() if nombre else []

    def _union(self, method: str, sources: Sequence[Source]) -> QuerySet[Any, Any]:
        first, *rest = (
            getattr(source, method)(self.user, self.question, self.convention) for source in sources
        )
        found: QuerySet[Any, Any] = first.union(*rest, all=True)
        return found

    def _resultats(self) -> list[Resultat]:
        start = self.page.start_index() - 1
        ranked = self._union("ranked", self.sources).order_by("-r_score", "-r_quand", "r_genre", "r_cle")
        keys = [row[:2] for row in ranked[start : start + PAR_PAGE]]
        by_source: dict[str, list[str]] = {}
        for genre, cle in keys:
            by_source.setdefault(genre, []).append(cle)
        first, *rest = (PAR_CLE[genre].read(found) for genre, found in by_source.items())
        rows = {(row["r_genre"], row["r_cle"]): row for row in first.union(*rest, all=True)}
        lignes = [rows[key] for key in keys if key in rows]
        codes = {row["r_code"] for row in lignes}
        conventions = {
            convention.code: convention
            for convention in Convention.objects.filter(code__in=codes).select_related("territoire")
        }
        textes = [texte for row in lignes for texte in (row["r_nom"].strip(), plain(row["r_corps"]))]
        said = iter(marques(textes, self.question))
        return [
            Resultat(
                source=PAR_CLE[row["r_genre"]],
                titre=next(said),
                extrait=extrait(next(said)),
                lieu=row["r_lieu"].strip(),
                convention=conventions[row["r_code"]],
                quand=row["r_quand"],
                url=PAR_CLE[row["r_genre"]].adresse(row),
            )
            for row in lignes
        ]
