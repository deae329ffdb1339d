"""A questionnaire from end to end: the coordination writes it, somebody answers on a phone, the results say it."""

import datetime

from django.utils import timezone
from playwright.sync_api import expect

from diagnostics.models import Question, Questionnaire, Reponse


def test_coordination_asks_a_phone_answers_and_the_results_show_it(open_as, world):
    today = timezone.localdate()
    page = open_as(world.people["coordination"])
    page.goto(f"/conventions/{world.convention.code}/diagnostic/questionnaires/")
    page.get_by_role("link", name="Nouveau questionnaire").click()
    page.get_by_label("Intitulé").fill("Grandir au Val")
    page.get_by_label("Ouvre le").fill(today.isoformat())
    page.get_by_label("Ferme le").fill((today + datetime.timedelta(days=30)).isoformat())
    page.get_by_role("button", name="Enregistrer").click()

    page.get_by_label("Question").nth(0).fill("Que vous manque-t-il ?")
    page.get_by_label("Réponse").nth(0).select_option("Obligatoire")
    page.get_by_label("Choix proposés").nth(0).fill("Un bus\nUne crèche")
    page.get_by_label("Question").nth(1).fill("Pourquoi ?")
    page.get_by_label("Nature").nth(1).select_option("Texte libre")
    page.get_by_role("button", name="Enregistrer").click()
    address = page.get_by_label("Qui connaît cette adresse peut répondre").input_value()

    phone = open_as(width=360, height=740)
    phone.goto(address)
    expect(phone.get_by_role("heading", level=1)).to_have_text("Grandir au Val")
    phone.get_by_label("2. Pourquoi").fill("Pour aller au marché.")
    phone.get_by_role("button", name="Envoyer mes réponses").click()
    expect(phone.get_by_role("alert")).to_contain_text("Question 1")
    expect(phone.get_by_label("2. Pourquoi")).to_have_value("Pour aller au marché.")
    phone.get_by_role("alert").get_by_role("link").click()
    phone.get_by_label("Un bus").check()
    phone.get_by_role("button", name="Envoyer mes réponses").click()
    expect(phone.get_by_role("heading", level=1)).to_have_text("Merci, votre réponse est enregistrée")
    assert {cookie["name"] for cookie in phone.context.cookies()} == {"csrftoken"}

    questionnaire = Questionnaire.objects.get(intitule="Grandir au Val")
    choix = questionnaire.questions.get(nature=Question.Nature.CHOIX)
    Reponse.objects.bulk_create(
        Reponse(questionnaire=questionnaire, valeurs={str(choix.pk): "Une crèche"}) for _ in range(4)
    )
    page.reload()
    shares = page.get_by_role("table").first
    expect(shares.get_by_role("row", name="Un bus")).to_contain_text("20 %")
    expect(shares.get_by_role("row", name="Une crèche")).to_contain_text("80 %")
    expect(page.get_by_text("Pour aller au marché.")).to_be_visible()

    page.get_by_role("link", name="Clore maintenant").click()
    page.get_by_role("button", name="Clore maintenant").click()
    expect(page.get_by_text("Le questionnaire est clos.")).to_be_visible()
    phone.goto(address)
    expect(phone.get_by_text("Ce questionnaire est clos.")).to_be_visible()
