"""The feed from its creation to its end, and the adviser's morning."""

from playwright.sync_api import expect

from governance.models import FluxAgenda
from tests.factories import (
    ConventionFactory,
    FicheActionFactory,
    HabilitationFactory,
    PlanActionsFactory,
    ReunionFactory,
)


def test_a_person_creates_downloads_and_removes_the_feed(open_as, world):
    person = world.people["coordination"]
    FluxAgenda.objects.filter(user=person).delete()
    ReunionFactory(instance=world.objects["instance"], statut="convoquee", lieu="Mairie de Cazals")
    page = open_as(person)
    page.goto("/")
    page.locator("summary", has_text=str(person)).click()
    page.get_by_role("link", name="Mon agenda").click()
    page.get_by_role("button", name="Créer mon adresse d’agenda").click()

    address = page.get_by_label("Adresse secrète").input_value()
    with page.expect_download() as waiting:
        page.get_by_role("link", name="Télécharger l’agenda").click()
    with open(waiting.value.path(), encoding="utf-8") as saved:
        content = saved.read()
    assert content.startswith("BEGIN:VCALENDAR")
    assert "LOCATION:Mairie de Cazals" in content

    # A calendar program has no cookie.
    program = open_as()
    assert program.request.get(address).status == 200

    page.get_by_role("link", name="Supprimer l’adresse").click()
    page.get_by_role("button", name="Supprimer l’adresse").click()
    expect(page.get_by_text("Votre adresse d’agenda est supprimée.")).to_be_visible()
    assert program.request.get(address).status == 404


def test_adviser_filters_sorts_and_opens_the_calendar(open_as, world):
    adviser = world.people["relecture"]
    for number, nom in enumerate(("CC du Causse", "CC du Quercy")):
        convention = ConventionFactory(territoire__nom=nom)
        HabilitationFactory(user=adviser, convention=convention, role="relecture")
        plan = PlanActionsFactory(convention=convention)
        for _ in range(number + 1):
            FicheActionFactory(axe__plan=plan, avancement="realisee")
    page = open_as(adviser)
    page.goto("/")
    expect(page.locator("tbody tr")).to_have_count(3)

    page.get_by_label("Fiches à relire").check()
    page.get_by_role("button", name="Filtrer").click()
    expect(page.locator("tbody tr")).to_have_count(1)
    assert "a_relire=on" in page.url
    page.get_by_role("link", name="Retirer le filtre Fiches à relire").click()

    page.get_by_role("link", name="Territoire : trier").click()
    page.get_by_role("link", name="Territoire croissant").click()
    expect(page.locator("tbody tr").first).to_contain_text(world.convention.territoire.nom_court)
    assert "tri=-territoire" in page.url

    page.locator("tbody tr", has_text=world.convention.territoire.nom_court).get_by_role(
        "link", name=world.convention.periode
    ).click()
    expect(page.get_by_role("heading", level=1, name="Calendrier")).to_be_visible()
    expect(page.get_by_role("img", name="Calendrier de la convention")).to_be_visible()
