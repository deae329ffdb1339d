"""The text of a convention: its own articles, or those that the portal proposes until somebody writes one."""

import hashlib
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from django.db import transaction

from conventions.models import ArticleConvention, Convention, Organisation
from conventions.operations.textes_proposes import ARTICLES_CONTRAT, ARTICLES_CTG, ArticlePropose
from ctg_portal.templatetags.portal import date_fr
from ctg_portal.workflow import TransitionError


@dataclass(frozen=True)
class Article:
    """``cle`` is the key of the row, or the word of a proposed article (``row`` is then ``None``).

    ``texte`` keeps its repères. ``disparu``: it was there when the page was opened, and is no longer.
    """

    cle: str
    titre: str
    texte: str
    row: ArticleConvention | None = None
    disparu: bool = False

    @property
    def version(self) -> str:
        """A digest of what is kept now, to tell whether somebody else wrote meanwhile."""
        if self.disparu:
            return "disparu"
        return hashlib.sha256(f"{self.titre}\0{self.texte}".encode()).hexdigest()[:20]


def proposes(convention: Convention) -> tuple[ArticlePropose, ...]:
    return ARTICLES_CTG if convention.nature == Convention.Nature.CTG else ARTICLES_CONTRAT


def articles_of(convention: Convention) -> list[Article]:
    """In order; one query."""
    rows = list(convention.articles.all())
    if rows:
        return [Article(str(row.pk), row.titre, row.texte, row) for row in rows]
    return [Article(*propose) for propose in proposes(convention)]


def is_propose(articles: Iterable[Article]) -> bool:
    """Nobody has written the text yet."""
    return all(article.row is None for article in articles)


def find_article(convention: Convention, articles: Iterable[Article], cle: str) -> Article | None:
    """The article that ``cle`` names, ``disparu`` when it was taken out since; ``None`` if it never was of this convention.

    A proposed article that has become a row in the meantime is found by its title.
    """
    articles = list(articles)
    if found := next((article for article in articles if article.cle == cle), None):
        return found
    propose = next((row for row in proposes(convention) if row.cle == cle), None)
    if propose:
        same = next((article for article in articles if article.titre == propose.titre), None)
        return same or Article(*propose, disparu=True)
    if cle.isdecimal() and not ArticleConvention.objects.filter(pk=int(cle[:18])).exists():
        return Article(cle, "", "", disparu=True)
    return None


def lock_articles(convention: Convention) -> None:
    """One writer at a time on the text of a convention, until the end of the transaction."""
    Convention.objects.select_for_update(of=("self",)).get(pk=convention.pk)


def _rows(convention: Convention) -> dict[str, ArticleConvention]:
    """The rows by ``cle``; the proposed articles become rows the first time somebody writes."""
    lock_articles(convention)
    articles = articles_of(convention)
    if not is_propose(articles):
        return {article.cle: article.row for article in articles if article.row}
    rows = [
        ArticleConvention(convention=convention, ordre=rank, titre=article.titre, texte=article.texte)
        for rank, article in enumerate(articles)
    ]
    ArticleConvention.objects.bulk_create(rows)
    return {article.cle: row for article, row in zip(articles, rows, strict=True)}


@transaction.atomic
def save_article(*, convention: Convention, article: Article, titre: str, texte: str) -> None:
    """Write one article; one that was taken out meanwhile comes back at the end."""
    rows = _rows(convention)
    row = rows.get(article.cle)
    if row is None:
        add_article(convention=convention, titre=titre, texte=texte, numero=len(rows) + 1)
        return
    row.titre, row.texte = titre, texte
    row.save(update_fields=["titre", "texte"])


@transaction.atomic
def add_article(*, convention: Convention, titre: str, texte: str, numero: int) -> None:
    """Put a new article at ``numero`` (from 1); too large a number means the end."""
    rows = list(_rows(convention).values())
    new = ArticleConvention.objects.create(convention=convention, ordre=len(rows), titre=titre, texte=texte)
    rows.insert(max(numero - 1, 0), new)
    _number(rows)


@transaction.atomic
def remove_article(*, convention: Convention, article: Article) -> None:
    row = _rows(convention).get(article.cle)
    if row is None:
        raise TransitionError("Cet article n’est plus dans le texte : quelqu’un l’a retiré.")
    if ArticleConvention.objects.filter(convention=convention).count() == 1:
        raise TransitionError("Le texte garde au moins un article. Pour repartir, revenez au texte proposé.")
    row.delete()


@transaction.atomic
def order_articles(*, convention: Convention, numeros: Mapping[str, int]) -> None:
    """Sort by the numbers given, by ``cle``; equal numbers keep their order."""
    rows = _rows(convention)
    _number([row for cle, row in sorted(rows.items(), key=lambda item: numeros[item[0]])])


@transaction.atomic
def restore_proposed(*, convention: Convention) -> None:
    """Give up the convention's own text: the proposed articles stand again."""
    lock_articles(convention)
    convention.articles.all().delete()


def _number(rows: list[ArticleConvention]) -> None:
    for rank, row in enumerate(rows):
        row.ordre = rank
    ArticleConvention.objects.bulk_update(rows, ["ordre"])


REPERES = {
    "territoire": "le nom du territoire",
    "contrat": "la nature du contrat",
    "collectivité": "l’intercommunalité signataire",
    "caf": "la CAF signataire",
    "signataires": "tous les signataires",
    "domaines": "les domaines, en liste",
    "durée": "la durée, en années",
    "début": "le premier jour",
    "fin": "le dernier jour",
}
"""What may stand in square brackets, and what takes its place."""
_REPERE = re.compile(r"\[(" + "|".join(REPERES) + r")\]")


def enumeration(noms: list[str]) -> str:
    """« a, b et c »."""
    return " et ".join([", ".join(noms[:-1]), noms[-1]]) if len(noms) > 1 else "".join(noms)


def reperes(convention: Convention, organisations: list[Organisation], domaines: list[str]) -> dict[str, str]:
    """What each repère stands for today; ``organisations`` are those that sign, ``domaines`` their labels."""

    def named(*natures: str, otherwise: str) -> str:
        found = [organisation.nom for organisation in organisations if organisation.nature in natures]
        return enumeration(found) or otherwise

    Nature = Organisation.Nature  # noqa: N806 - a class
    annees = convention.nombre_annees
    return {
        "territoire": convention.territoire.nom,
        "contrat": convention.get_nature_display(),
        "collectivité": named(Nature.EPCI, Nature.SYNDICAT, otherwise=convention.territoire.nom),
        "caf": named(Nature.CAF, otherwise="caisse d’allocations familiales"),
        "signataires": enumeration([organisation.nom for organisation in organisations]) or "les signataires",
        "domaines": "\n".join(f"- {domaine}" for domaine in domaines) or "- domaines à choisir",
        "durée": f"{annees}\u00a0an{'s' if annees > 1 else ''}",
        "début": date_fr(convention.debut),
        "fin": date_fr(convention.fin),
    }


def resolve(texte: str, values: Mapping[str, str]) -> str:
    """Put the values in the place of the repères, once; any other bracket stays."""
    return _REPERE.sub(lambda found: values[found[1]], texte)
