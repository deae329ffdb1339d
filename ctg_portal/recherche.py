"""One search over what a person may read: fiches and what is written on them, decisions, meetings, documents (ADR 0026).

Each ``Source`` starts from ``visible_to(user)`` as its page does (``ctg_portal/sources.py``). A page of results takes
three queries, whatever the number of sources: how many of each kind, which ones, and their words with the found ones marked.
"""

import datetime
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from django import forms
from django.core.paginator import Page, Paginator
from django.db.models import QuerySet

from conventions.models import Convention
from ctg_portal.models import User
from ctg_portal.plein_texte import (
    LONGUEUR_MAX,
    Morceau,
    extrait,
    marques,
)
from ctg_portal.sources import PAR_CLE, SOURCES, Source
from ctg_portal.textes import plain

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
