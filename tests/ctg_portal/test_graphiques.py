"""Charts: the bytes are the same, what they show is said in words, and nothing that cannot be drawn is drawn."""

import base64
import xml.etree.ElementTree as ET
from decimal import Decimal

import pytest

from ctg_portal.graphiques import LARGEUR, Serie, _adresse, barres_par_annee, barres_par_categorie

D = Decimal
SVG = "{http://www.w3.org/2000/svg}"


def svg_of(adresse):
    head, _, content = adresse.partition(",")
    assert head == "data:image/svg+xml;base64"
    return base64.b64decode(content)


def groups(adresse):
    """How many patches and texts were drawn."""
    root = ET.fromstring(svg_of(adresse))
    ids = [node.get("id", "") for node in root.iter(f"{SVG}g")]
    return sum(name.startswith("patch_") for name in ids), sum(name.startswith("text_") for name in ids)


def annees(*valeurs, **options):
    return barres_par_annee(
        "Versé", range(2022, 2022 + len(valeurs)), [Serie("Versé", valeurs, 0)], **options
    )


def test_same_chart_gives_the_same_bytes():
    first = annees(D("325867.56"), D("77647")).adresse
    _adresse.cache_clear()

    assert annees(D("325867.56"), D("77647")).adresse == first
    assert b"<dc:date>" not in svg_of(first)
    assert b"<text" not in svg_of(first)


def test_words_say_every_value_to_the_cent():
    chart = barres_par_annee(
        "Financements par exercice",
        [2022, 2023, 2024],
        [Serie("Prévu", (D("100"), None, None), 1), Serie("Versé", (D("248220.56"), D("0"), None), 0)],
    )

    assert chart.texte == (
        "Financements par exercice, barres côte à côte, par année. "
        "2022\u00a0: prévu 100,00\u00a0€, versé 248\u202f220,56\u00a0€\u202f; "
        "2023\u00a0: versé 0,00\u00a0€\u202f; 2024\u00a0: non renseigné."
    )


def test_absent_has_no_bar_and_zero_has_its_value():
    # The sheet is a patch too.
    assert groups(annees(D("10"), None).adresse) == (1 + 1, 2 + 1)
    assert groups(annees(D("10"), D("0")).adresse) == (1 + 2, 2 + 2)


def test_nothing_to_draw_is_said():
    assert annees(None, None).is_vide
    assert barres_par_annee("Rien", [], []).is_vide
    assert not annees(D("0")).is_vide
    # Asked all the same, it is an empty sheet, not an error.
    assert annees(None).adresse.startswith("data:")
    assert barres_par_categorie("Rien", [], []).adresse.startswith("data:")


@pytest.mark.parametrize("valeur", [D("-0.01"), D("NaN"), D("Infinity")])
def test_negative_or_absurd_amount_is_refused(valeur):
    with pytest.raises(ValueError, match="negative"):
        annees(valeur)


def test_series_and_labels_must_agree():
    with pytest.raises(ValueError, match="2 values"):
        barres_par_annee("Versé", [2022, 2023], [Serie("Versé", (D("1"),))])


@pytest.mark.parametrize("count", [1, 30])
def test_categories_each_have_their_bar(count):
    valeurs = tuple(D(rank) for rank in range(1, count + 1))
    chart = barres_par_categorie(
        "Par bénéficiaire", [f"Asso {n}" for n in range(count)], [Serie("V", valeurs)]
    )

    for adresse in (chart.adresse, chart.adresse_etroite):
        assert groups(adresse) == (1 + count, 2 * count)


def test_long_label_is_wrapped_and_kept_whole():
    long = "Commune de Cazals (ALAE) et association Les Jardiniers Bourians (EVS) " * 3
    short = barres_par_categorie("Par bénéficiaire", ["A"], [Serie("Versé", (D("1"),))])
    wrapped = barres_par_categorie("Par bénéficiaire", [long], [Serie("Versé", (D("1"),))])

    def height(chart):
        return float(ET.fromstring(svg_of(chart.adresse)).get("height").removesuffix("pt"))

    assert height(wrapped) >= height(short) + 12
    assert groups(wrapped.adresse)[1] == 1 + 2


def test_hostile_label_is_drawn_as_text():
    chart = barres_par_categorie(
        "Essai", ["</svg><script>alert(1)</script> $x^2$ 漢字"], [Serie("V", (D("1"),))]
    )

    assert b"<script" not in svg_of(chart.adresse)
    assert "漢字" in chart.texte


def test_many_years_go_down_the_sheet():
    chart = barres_par_annee(
        "Versé", range(2000, 2030), [Serie(nom, (D("1"),) * 30, n) for n, nom in enumerate("abc")]
    )

    root = ET.fromstring(svg_of(chart.adresse))
    assert float(root.get("height").removesuffix("pt")) > float(root.get("width").removesuffix("pt"))
    assert float(root.get("width").removesuffix("pt")) == LARGEUR * 0.75


def test_stacked_bars_show_the_total_above():
    chart = barres_par_annee(
        "Versé",
        [2022],
        [Serie("PS", (D("157191.67"),), 0), Serie("FPT", (D("2585.73"),), 1), Serie("Autre", (None,), 2)],
        empilees=True,
    )

    # Sheet, three keys of the legend, two parts; three names, the year, one part's value, the total.
    assert groups(chart.adresse) == (1 + 3 + 2, 3 + 1 + 1 + 1)
