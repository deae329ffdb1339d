"""The one place that draws charts of numbers (ADR 0010): bars as an SVG image, the same on a page, on paper and in grey.

A ``Graphique`` is what a chart shows; its ``adresse`` (for a screen or a sheet) and ``adresse_etroite`` (for a phone)
are ``data:`` addresses, its ``texte`` says every value. It stands in ``components/graphique.html`` beside its table.
"""

import base64
import io
import textwrap
import threading
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from enum import Enum
from functools import cache, lru_cache
from typing import Any

import matplotlib
from django.contrib.staticfiles import finders
from matplotlib.figure import Figure
from matplotlib.font_manager import FontProperties, get_font
from matplotlib.patches import Rectangle

from ctg_portal.templatetags.portal import ESPACE_FINE, ESPACE_INSECABLE, euros, nombre

# Constants for the whole process, set once: nothing else draws with matplotlib.
matplotlib.rcParams.update(
    {
        "svg.hashsalt": "ctg-portal",
        "svg.fonttype": "path",
        "hatch.linewidth": 0.9,
        "axes.unicode_minus": False,
    }
)

LARGEUR = 720
"""Pixels of a chart on a screen or a sheet."""
LARGEUR_ETROITE = 330
"""Pixels of the same chart on a phone."""
LARGEUR_BARRE = 110
"""Pixels of a bar at most: a single year is no wall."""
CORPS = 9.75
"""Points of the text: 13 pixels."""
# Widths of Source Sans 3, in pixels at CORPS: a digit, and a letter on average.
CHIFFRE, LETTRE, INTERLIGNE = 6.5, 6.3, 16
FOND, ENCRE, ENCRE_2, TRAIT = "#fffefb", "#1b2433", "#4f5967", "#7d8490"
# Told apart without colour: (fill, hatch, ink of a value written inside).
MOTIFS = (
    ("#17586b", "", "#fffefb"),
    ("#fffefb", "////", ENCRE),
    ("#c5dce0", "|||", ENCRE),
    ("#f3dfb4", "xxx", ENCRE),
    ("#a12c62", "", "#fffefb"),
    ("#e5e0d3", "----", ENCRE),
)
# matplotlib promises nothing to threads, and a server has several.
_UN_A_LA_FOIS = threading.Lock()


class Forme(Enum):
    GROUPEES = "barres côte à côte, par année"
    EMPILEES = "barres empilées, par année"
    CATEGORIES = "barres horizontales"


@dataclass(frozen=True)
class Serie:
    """A name and one value a label; ``None`` where nothing is known. ``motif``: its place in ``MOTIFS``."""

    nom: str
    valeurs: tuple[Decimal | None, ...]
    motif: int = 0


@dataclass(frozen=True)
class Graphique:
    """Bars: ``etiquettes`` are years or categories, each serie has one value for each of them.

    Amounts in euros, unless ``unite`` says what is counted; then values are written with ``decimales``.
    """

    titre: str
    forme: Forme
    etiquettes: tuple[str, ...]
    series: tuple[Serie, ...]
    unite: str = ""
    decimales: int = 0

    def __post_init__(self) -> None:
        for serie in self.series:
            if len(serie.valeurs) != len(self.etiquettes):
                raise ValueError(f"{serie.nom}: {len(self.etiquettes)} values are needed")
            if any(
                valeur is not None and not (valeur.is_finite() and valeur >= 0) for valeur in serie.valeurs
            ):
                raise ValueError(f"{serie.nom}: a bar cannot show a negative amount")

    @property
    def is_vide(self) -> bool:
        """No value at all: there is nothing to draw."""
        return all(valeur is None for serie in self.series for valeur in serie.valeurs)

    def montrer(self, valeur: Decimal | None) -> str:
        """What is written beside a bar: short, as its unit is in the title (but for the sign %)."""
        if valeur is None:
            return "non renseigné"
        if not self.unite:
            return euros(valeur, 0)
        signe = f"{ESPACE_INSECABLE}%" if self.unite == "%" else ""
        return f"{nombre(valeur, self.decimales)}{signe}"

    def dire(self, valeur: Decimal | None) -> str:
        """A value in full, with its unit."""
        if not self.unite:
            return euros(valeur)
        return f"{nombre(valeur, self.decimales)}{ESPACE_INSECABLE}{self.unite}"

    @property
    def texte(self) -> str:
        """What the image says, in full: every value, to the cent."""
        several = len(self.series) > 1
        parts = []
        for rank, etiquette in enumerate(self.etiquettes):
            said = [
                f"{serie.nom.lower()} {self.dire(serie.valeurs[rank])}"
                if several
                else self.dire(serie.valeurs[rank])
                for serie in self.series
                if serie.valeurs[rank] is not None
            ]
            parts.append(f"{etiquette}{ESPACE_INSECABLE}: {', '.join(said) or 'non renseigné'}")
        values = f"{ESPACE_FINE}; ".join(parts)
        return f"{self.titre}, {self.forme.value}. {values}."

    @property
    def adresse(self) -> str:
        return _adresse(self, LARGEUR)

    @property
    def adresse_etroite(self) -> str:
        return _adresse(self, LARGEUR_ETROITE)


def barres_par_annee(
    titre: str,
    annees: Sequence[int],
    series: Sequence[Serie],
    *,
    empilees: bool = False,
    unite: str = "",
    decimales: int = 0,
) -> Graphique:
    """One group of bars a year, side by side or stacked."""
    forme = Forme.EMPILEES if empilees else Forme.GROUPEES
    return Graphique(titre, forme, tuple(str(annee) for annee in annees), tuple(series), unite, decimales)


def barres_par_categorie(
    titre: str, categories: Sequence[str], series: Sequence[Serie], *, unite: str = "", decimales: int = 0
) -> Graphique:
    """Horizontal bars under the name of each category, in the order given."""
    return Graphique(titre, Forme.CATEGORIES, tuple(categories), tuple(series), unite, decimales)


@lru_cache(maxsize=256)
def _adresse(graphique: Graphique, largeur: int) -> str:
    """The same chart gives the same bytes: kept, because a page and its document ask for it often."""
    with _UN_A_LA_FOIS:
        svg = _svg(_dessin(graphique, largeur))
    return f"data:image/svg+xml;base64,{base64.b64encode(svg).decode()}"


def _svg(figure: Figure) -> bytes:
    out = io.BytesIO()
    figure.savefig(out, format="svg", metadata={"Date": None, "Creator": None}, facecolor=FOND)
    return out.getvalue()


@cache
def _police(poids: str) -> FontProperties:
    path = finders.find(f"fonts/SourceSans3-{poids}.ttf")
    if not isinstance(path, str):
        raise FileNotFoundError(f"fonts/SourceSans3-{poids}.ttf")
    return FontProperties(fname=path, size=CORPS)


@cache
def _connus() -> frozenset[int]:
    return frozenset(get_font(str(_police("Regular").get_file())).get_charmap())


def _lisible(texte: str) -> str:
    """What the font can write: narrow spaces are common ones there, and a sign it lacks is a question mark."""
    known = _connus()
    texte = texte.replace(ESPACE_FINE, ESPACE_INSECABLE) if ord(ESPACE_FINE) not in known else texte
    return "".join(sign if ord(sign) in known else "?" for sign in texte)


def _ecrire(axes: Any, x: float, y: float, texte: str, *, poids: str = "Regular", **style: Any) -> None:
    axes.text(x, y, _lisible(texte), font=_police(poids), parse_math=False, **{"color": ENCRE} | style)


def _plus_haut(graphique: Graphique) -> float:
    """The longest bar; never zero, so that shares can be taken."""
    if graphique.forme is Forme.EMPILEES:
        return (
            float(max(*(_total(graphique, rank) for rank in range(len(graphique.etiquettes))), Decimal(0)))
            or 1.0
        )
    known = [valeur for serie in graphique.series for valeur in serie.valeurs if valeur is not None]
    return float(max(known, default=Decimal(0))) or 1.0


def _total(graphique: Graphique, rank: int) -> Decimal:
    return sum((serie.valeurs[rank] or Decimal(0) for serie in graphique.series), Decimal(0))


def _toile(largeur: int, hauteur: float) -> tuple[Figure, Any]:
    """A sheet measured in pixels from its top left corner."""
    figure = Figure(figsize=(largeur / 96, hauteur / 96), dpi=72)
    axes = figure.add_axes((0, 0, 1, 1))
    axes.set_xlim(0, largeur)
    axes.set_ylim(hauteur, 0)
    axes.axis("off")
    return figure, axes


def _dessin(graphique: Graphique, largeur: int) -> Figure:
    if graphique.forme is Forme.CATEGORIES:
        return _horizontal(graphique, largeur)
    slot = (largeur - 16) / max(len(graphique.etiquettes), 1)
    bars = 1 if graphique.forme is Forme.EMPILEES else len(graphique.series)
    # Too narrow for a value to be written on each bar, even upright: the years go down the sheet.
    if slot * 0.84 / max(bars, 1) < INTERLIGNE:
        return _horizontal(graphique, largeur)
    return _vertical(graphique, largeur, slot, bars)


def _legende(axes: Any, graphique: Graphique, largeur: int) -> float:
    """The series with their hatches, on as many lines as they need; the pixels taken."""
    if len(graphique.series) < 2:
        return 8
    x, y = 8.0, 6.0
    for serie in graphique.series:
        fond, hachure, _ = MOTIFS[serie.motif % len(MOTIFS)]
        taken = 34 + len(serie.nom) * LETTRE
        if x > 8 and x + taken > largeur:
            x, y = 8.0, y + 20
        axes.add_patch(Rectangle((x, y), 20, 12, facecolor=fond, hatch=hachure, edgecolor=ENCRE, lw=0.8))
        _ecrire(axes, x + 26, y + 6, serie.nom, va="center")
        x += taken + 14
    return y + 26


def _vertical(graphique: Graphique, largeur: int, slot: float, bars: int) -> Figure:
    longest = (
        max((len(graphique.montrer(v)) for s in graphique.series for v in s.valeurs), default=0) * CHIFFRE
    )
    width = min(slot * 0.84 / max(bars, 1), LARGEUR_BARRE)
    upright = longest > width
    figure, axes = _toile(largeur, 1)
    top = _legende(axes, graphique, largeur) + (longest + 8 if upright else INTERLIGNE + 4)
    floor = top + 210
    hauteur = floor + 28
    figure.set_size_inches(largeur / 96, hauteur / 96)
    axes.set_ylim(hauteur, 0)
    scale = 210 / _plus_haut(graphique)
    for rank, etiquette in enumerate(graphique.etiquettes):
        middle = 8 + slot * (rank + 0.5)
        _ecrire(axes, middle, floor + 8, etiquette, ha="center", va="top", poids="Semibold")
        if graphique.forme is Forme.EMPILEES:
            _pile(axes, graphique, rank, middle, width, floor, scale, upright)
            continue
        for place, serie in enumerate(graphique.series):
            left = middle + width * (place - bars / 2)
            _barre_debout(axes, graphique, serie, rank, left, width, floor, scale, upright)
    axes.plot((8, largeur - 8), (floor, floor), color=ENCRE, lw=0.9)
    return figure


def _barre_debout(
    axes: Any,
    graphique: Graphique,
    serie: Serie,
    rank: int,
    left: float,
    width: float,
    floor: float,
    scale: float,
    upright: bool,
) -> None:
    valeur = serie.valeurs[rank]
    if valeur is None:
        return
    fond, hachure, _ = MOTIFS[serie.motif % len(MOTIFS)]
    height = float(valeur) * scale
    axes.bar(
        left + width / 2,
        -height,
        width * 0.9,
        bottom=floor,
        color=fond,
        hatch=hachure,
        edgecolor=ENCRE,
        lw=0.8,
    )
    _ecrire(
        axes,
        left + width / 2,
        floor - height - 4,
        graphique.montrer(valeur),
        ha="center",
        va="bottom",
        rotation=90 if upright else 0,
    )


def _pile(
    axes: Any,
    graphique: Graphique,
    rank: int,
    middle: float,
    width: float,
    floor: float,
    scale: float,
    upright: bool,
) -> None:
    if all(serie.valeurs[rank] is None for serie in graphique.series):
        return
    y = floor
    for serie in graphique.series:
        valeur = serie.valeurs[rank]
        if not valeur:
            continue
        fond, hachure, encre = MOTIFS[serie.motif % len(MOTIFS)]
        height = float(valeur) * scale
        axes.bar(middle, -height, width, bottom=y, color=fond, hatch=hachure, edgecolor=ENCRE, lw=0.8)
        # A part too thin for its value is read in the table.
        if height >= INTERLIGNE + 2 and not upright:
            boite = {"facecolor": fond, "edgecolor": "none", "pad": 1.2} if hachure else None
            _ecrire(
                axes,
                middle,
                y - height / 2,
                graphique.montrer(valeur),
                ha="center",
                va="center",
                color=encre,
                bbox=boite,
            )
        y -= height
    _ecrire(
        axes,
        middle,
        y - 4,
        graphique.montrer(_total(graphique, rank)),
        ha="center",
        va="bottom",
        poids="Semibold",
        rotation=90 if upright else 0,
    )


def _horizontal(graphique: Graphique, largeur: int) -> Figure:
    figure, axes = _toile(largeur, 1)
    y = _legende(axes, graphique, largeur)
    longest = (
        max((len(graphique.montrer(v)) for s in graphique.series for v in s.valeurs), default=0) * CHIFFRE
    )
    scale = max(largeur - 24 - longest, 40) / _plus_haut(graphique)
    for rank, etiquette in enumerate(graphique.etiquettes):
        for line in textwrap.wrap(etiquette, int((largeur - 16) / LETTRE)) or [""]:
            _ecrire(axes, 8, y, line, va="top", poids="Semibold")
            y += INTERLIGNE
        y += 3
        for serie in graphique.series:
            valeur = serie.valeurs[rank]
            if valeur is None and len(graphique.series) > 1:
                continue
            fond, hachure, _ = MOTIFS[serie.motif % len(MOTIFS)]
            length = float(valeur or 0) * scale
            axes.barh(y + 7, length, 13, left=8, color=fond, hatch=hachure, edgecolor=ENCRE, lw=0.8)
            _ecrire(
                axes,
                8 + length + 6,
                y + 7,
                graphique.montrer(valeur),
                va="center",
                color=ENCRE if valeur else ENCRE_2,
            )
            y += INTERLIGNE + 1
        y += 9
    figure.set_size_inches(largeur / 96, y / 96)
    axes.set_ylim(y, 0)
    return figure
