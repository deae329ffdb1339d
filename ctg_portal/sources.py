"""What the search finds, kind by kind: which rows, who reads them, where they are shown (ADR 0026)."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from django.contrib.postgres.search import SearchRank
from django.db.models import Case, Count, F, FloatField, Q, QuerySet, TextField, Value, When
from django.db.models.functions import Cast, Coalesce, Concat, LPad, NullIf, Replace, TruncDate, Upper
from django.urls import reverse

from actions.models import (
    Bilan,
    Commentaire,
    Etape,
    FicheAction,
    IndicateurSuivi,
    Note,
    PartenaireFiche,
    PieceJointe,
    Pilote,
    SuiteCommentaire,
)
from conventions.models import Convention, Document
from ctg_portal.models import User
from ctg_portal.plein_texte import Requete, Texte, Vecteur, texte_of, vecteur_of
from governance.models import (
    CompteRendu,
    Decision,
    DocumentEmis,
    PartieCompteRendu,
    PieceReunion,
    PointOrdreDuJour,
    Reunion,
)

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
    mots: tuple[Any, ...] = ()
    """What is found, never null, where the model has no ``index_texte``: names that other tables hold."""

    @property
    def vecteur(self) -> Vecteur:
        return Vecteur(Texte(*self.mots)) if self.mots else vecteur_of(self.rows.model)

    def found(self, user: User, question: str, convention: Convention | None) -> QuerySet[Any]:
        rows = self.lignes(self.rows.order_by(), user)
        if convention is not None:
            rows = rows.filter(**{self.vers: convention})
        return rows.annotate(vecteur=self.vecteur).filter(vecteur=Requete(question))

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
        fields = (self.mots or texte_of(self.rows.model).get_source_expressions())[self.nb_titres :]
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
# As the page of a fiche names them.
_PILOTE = Coalesce(NullIf("user__nom", Value("")), "user__email", "nom", output_field=TextField())
_PARTENAIRE = Coalesce("organisation__nom", "nom", output_field=TextField())


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
    _of_a_fiche(
        "pilote",
        "Pilote",
        "Pilotes",
        Pilote.objects.all(),
        "#equipe",
        TruncDate("fiche__updated_at"),
        titre=_PILOTE,
        nb_titres=1,
        mots=(_PILOTE, F("fonction")),
    ),
    Source(
        "structure",
        "Structure pilote",
        "Structures pilotes",
        FicheAction.objects.exclude(structure_pilote=None),
        lambda rows, user: rows.filter(pk__in=_fiches(user)),
        "plan__convention",
        _page("actions:fiche", "#equipe"),
        TruncDate("updated_at"),
        titre=F("structure_pilote__nom"),
        nb_titres=1,
        lieu=_FICHE,
        mots=(F("structure_pilote__nom"),),
    ),
    _of_a_fiche(
        "partenaire",
        "Partenaire",
        "Partenaires",
        PartenaireFiche.objects.all(),
        "#equipe",
        TruncDate("fiche__updated_at"),
        titre=_PARTENAIRE,
        nb_titres=1,
        mots=(_PARTENAIRE, F("role")),
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
