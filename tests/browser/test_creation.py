"""An administrator creates a CTG for a territoire found by its name, on a desk and on a phone."""

import pytest
from playwright.sync_api import expect

from conventions.models import Convention, Habilitation, Organisation
from tests.browser.test_axe import overflow
from tests.factories import CommuneFactory, TerritoireFactory, UserFactory


@pytest.fixture
def caf(live_server):
    territoire = TerritoireFactory(nom="CC Cazals-Salviac")
    territoire.communes.add(CommuneFactory(nom="Arques", code="46008"))
    for index in range(25):
        TerritoireFactory(nom=f"CC des Vallées {index}")
    return Organisation.objects.create(nom="CAF du Lot", nature="caf", departement=territoire.departement)


@pytest.mark.parametrize("width", [1280, 360])
def test_administrator_creates_a_ctg_and_invites(open_as, caf, width):
    user = UserFactory(nom="Frédérique Blagour")
    Habilitation.objects.create(user=user, role="administration", organisation=caf)
    page = open_as(user, width=width)
    page.goto("/conventions/")
    page.get_by_role("link", name="Nouvelle convention").click()
    expect(page.get_by_role("status")).to_contain_text("26 territoires vous sont ouverts")
    # Typing is enough; the button does the same without JavaScript.
    page.get_by_label("Intercommunalité ou syndicat").press_sequentially("cazals sal")
    expect(page.get_by_role("status")).to_have_text("1 territoire.")
    assert overflow(page) == 0
    page.get_by_role("link", name="Choisir CC Cazals-Salviac").click()

    expect(page.get_by_label("CAF du Lot")).to_be_checked()
    page.get_by_label("Commune d’Arques (à inscrire)").check()
    page.get_by_label("Numéro").fill("CTG-46-7")
    assert overflow(page) == 0
    page.get_by_role("button", name="Créer la convention").click()

    expect(page.get_by_role("status")).to_contain_text("est créée")
    page.get_by_label("Adresse électronique").fill("coordination.nouvelle@example.org")
    page.get_by_label("Prénom et nom").fill("Camille Arques")
    page.get_by_label("Rôle").select_option("coordination")
    page.get_by_role("button", name="Envoyer l’invitation").click()
    expect(page.get_by_text("L’invitation est partie à coordination.nouvelle@example.org.")).to_be_visible()

    convention = Convention.objects.get()
    assert (convention.numero, convention.nature) == ("CTG-46-7", "ctg")
    assert [str(row) for row in convention.signataires.all()] == [
        "CC Cazals-Salviac",
        "CAF du Lot",
        "Commune d’Arques",
    ]
    assert convention.habilitations.get().role == "coordination"


def test_search_works_without_javascript(open_as, caf):
    user = UserFactory()
    Habilitation.objects.create(user=user, role="administration", organisation=caf)
    page = open_as(user, java_script_enabled=False)
    page.goto("/conventions/nouvelle/")
    page.get_by_label("Intercommunalité ou syndicat").fill("CAZALS")
    page.get_by_role("button", name="Chercher").click()

    expect(page.get_by_role("link", name="Choisir CC Cazals-Salviac")).to_be_visible()
