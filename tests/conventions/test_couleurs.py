import pytest

from conventions.couleurs import FOND_CLAIR, FOND_SOMBRE, contrast, ink, legible, palette

COULEURS = [
    f"#{r:02x}{g:02x}{b:02x}"
    for r in (0, 51, 127, 204, 255)
    for g in (0, 64, 119, 200, 255)
    for b in (0, 99, 255)
] + ["#2f5d62", "#767676", "#777777", "#ffff00"]


@pytest.mark.parametrize(
    ("a", "b", "expected"),
    [("#000000", "#ffffff", 21.0), ("#777777", "#ffffff", 4.48), ("#123456", "#123456", 1)],
)
def test_contrast_is_the_one_of_wcag(a, b, expected):
    assert contrast(a, b) == pytest.approx(expected, abs=0.005)
    assert contrast(b, a) == contrast(a, b)


@pytest.mark.parametrize("fond", [FOND_CLAIR, FOND_SOMBRE])
@pytest.mark.parametrize("couleur", COULEURS)
def test_every_colour_is_made_legible(couleur, fond):
    found = palette(couleur, fond=fond)

    assert contrast(found.encre, found.forme) >= 4.5
    assert contrast(found.texte, fond) >= 4.5
    assert contrast(found.forme, fond) >= 3


def test_a_legible_colour_stays_as_it_is():
    assert legible("#17586b", fond="#ffffff", ratio=4.5) == "#17586b"


def test_ink_is_white_on_dark_and_black_on_light():
    assert (ink("#17586b"), ink("#ffee88")) == ("#ffffff", "#000000")
