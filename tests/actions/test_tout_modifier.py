"""All the sections on one page: what is touched is saved, alone; what is refused stops no other; nothing else moves."""

import datetime

import pytest
from django.urls import reverse
from django.utils import timezone

from actions.models import Brouillon, Etape, FicheAction
from ctg_portal.chargement import load_together
from tests.actions.test_pages import edit_url, log_in, payload
from tests.factories import (
    CommuneFactory,
    EnjeuFactory,
    EtapeFactory,
    HabilitationFactory,
    OrganisationFactory,
    PiloteFactory,
    complete_fiche,
)


@pytest.fixture
def fiche():
    fiche = complete_fiche(
        besoins="Trente familles.\r\n\r\n- une\n- deux ",
        modalites="Un **relais**.",
        etp="0.50",
        debut=datetime.date(2024, 1, 8),
        echeance=datetime.date(2025, 6, 30),
    )
    EtapeFactory(fiche=fiche, echeance=datetime.date(2025, 1, 31))
    fiche.lignes_budget.create(annee=2024, prevu="12345.60")
    PiloteFactory(fiche=fiche, nom="", user=HabilitationFactory(convention=fiche.convention).user)
    return fiche


def url_of(fiche):
    return reverse("actions:fiche_edit_all", args=[fiche.convention.code, fiche.pk])


def served(client, fiche, query=""):
    """What a browser would send back untouched."""
    data = {}
    for partie in client.get(url_of(fiche) + query).context["parties"]:
        data[partie.temoin_name] = partie.temoin
        groups = [partie.form]
        for formset in partie.form.formsets.values():
            groups += [formset.management_form, *formset.forms]
        for group in groups:
            for bound in group:
                value = bound.value()
                if value is None or value is False:
                    continue
                if isinstance(value, (list, tuple)):
                    data[bound.html_name] = [getattr(row, "pk", row) for row in value]
                else:
                    shown = bound.field.widget.format_value(bound.field.prepare_value(value))
                    shown = shown[0] if isinstance(shown, list) else shown
                    data[bound.html_name] = str(shown or "").replace("\r\n", "\n").replace("\n", "\r\n")
    return data


def rows_of(fiche):
    return FicheAction.objects.filter(pk=fiche.pk).values().get() | {
        "etapes": list(fiche.etapes.values()),
        "budget": list(fiche.lignes_budget.values()),
        "pilotes": list(fiche.pilotes.values()),
        "domaines": list(fiche.domaines.values()),
    }


def test_page_sent_back_untouched_changes_not_a_byte(client, fiche):
    log_in(client, fiche.convention)
    before = rows_of(fiche)

    answer = client.post(url_of(fiche), served(client, fiche), follow=True)

    assert "Rien n’a changé" in answer.text
    assert rows_of(fiche) == before


def test_touched_sections_are_saved_and_the_others_stay(client, fiche):
    log_in(client, fiche.convention)
    before = rows_of(fiche)
    data = served(client, fiche)

    answer = client.post(
        url_of(fiche),
        data | {"objectifs-objectif_general": "Un nouvel objectif.", "etapes-etapes-1-intitule": "Acheter"},
        follow=True,
    )

    assert "Enregistré : « Objectifs et finalités », « Étapes »." in answer.text
    after = rows_of(fiche)
    assert after["objectif_general"] == "Un nouvel objectif."
    assert [row["intitule"] for row in after["etapes"]][1:] == ["Acheter"]
    moved = {"objectif_general", "updated_at", "etapes"}
    assert {name: after[name] for name in after if name not in moved} == {
        name: before[name] for name in before if name not in moved
    }


def test_section_refused_stops_no_other_and_keeps_its_words(client, fiche):
    log_in(client, fiche.convention)
    data = served(client, fiche)

    page = client.post(
        url_of(fiche),
        data | {"calendrier-echeance": "2020-01-01", "contexte-besoins": "Quarante familles."},
    )

    fiche.refresh_from_db()
    assert fiche.besoins == "Quarante familles."
    assert fiche.echeance == datetime.date(2025, 6, 30)
    (refused,) = [partie for partie in page.context["parties"] if partie.form.errors]
    assert (refused.slug, refused.form["echeance"].value()) == ("calendrier", "2020-01-01")
    assert Brouillon.objects.get().donnees["echeance"] == ["2020-01-01"]
    assert "Pas encore enregistré : « Calendrier »" in page.text


def test_section_somebody_else_saved_is_no_conflict_when_untouched(client, fiche):
    log_in(client, fiche.convention)
    data = served(client, fiche)
    FicheAction.objects.filter(pk=fiche.pk).update(besoins="Le texte de l’autre.")

    client.post(url_of(fiche), data | {"modalites-modalites": "Le mien."})

    fiche.refresh_from_db()
    assert (fiche.besoins, fiche.modalites) == ("Le texte de l’autre.", "Le mien.")
    assert not Brouillon.objects.exists()


def test_section_somebody_else_saved_is_not_overwritten_unseen(client, fiche):
    log_in(client, fiche.convention)
    data = served(client, fiche)
    FicheAction.objects.filter(pk=fiche.pk).update(besoins="Le texte de l’autre.")

    page = client.post(url_of(fiche), data | {"contexte-besoins": "Le mien."})

    fiche.refresh_from_db()
    assert fiche.besoins == "Le texte de l’autre."
    assert "Voir les deux textes côte à côte" in page.text
    both = client.get(edit_url(fiche, "contexte") + "?brouillon=1").text
    assert "Ce qui diffère" in both
    assert "Le mien." in both


def test_conflict_seen_is_replaced_knowingly(client, fiche):
    log_in(client, fiche.convention)
    data = served(client, fiche)
    FicheAction.objects.filter(pk=fiche.pk).update(besoins="Le texte de l’autre.")
    page = client.post(url_of(fiche), data | {"contexte-besoins": "Le mien."})
    (refused,) = [partie for partie in page.context["parties"] if partie.form.errors]

    client.post(
        url_of(fiche),
        data | {"contexte-besoins": "Les deux.", "contexte-empreinte": refused.form["empreinte"].value()},
    )

    fiche.refresh_from_db()
    assert fiche.besoins == "Les deux."
    assert not Brouillon.objects.exists()


def test_draft_of_a_section_page_is_taken_up_and_ended(client, fiche):
    log_in(client, fiche.convention)
    data = payload(client, edit_url(fiche, "contexte")) | {"besoins": "Brouillon d’hier."}
    client.post(reverse("actions:brouillon_keep", args=[fiche.convention.code, fiche.pk, "contexte"]), data)

    offered = client.get(url_of(fiche))
    client.post(url_of(fiche), served(client, fiche, "?brouillon=1"))

    assert "Reprendre mes brouillons" in offered.text
    fiche.refresh_from_db()
    assert fiche.besoins == "Brouillon d’hier."
    assert not Brouillon.objects.exists()


def test_text_closed_meanwhile_saves_what_is_followed_and_keeps_the_rest(client, fiche):
    user = log_in(client, fiche.convention)
    data = served(client, fiche)
    fiche.submit(by=user)

    page = client.post(
        url_of(fiche), data | {"contexte-besoins": "Trop tard.", "suivi-difficultes": "Le chantier glisse."}
    )

    fiche.refresh_from_db()
    assert fiche.difficultes == "Le chantier glisse."
    assert fiche.besoins.startswith("Trente familles.")
    assert "Trop tard." in page.text
    (refused,) = [partie for partie in page.context["parties"] if partie.form.errors]
    assert refused.form.non_field_errors()[0].endswith("Votre saisie est gardée : copiez-la.")


def test_rows_of_another_fiche_are_refused(client, fiche):
    log_in(client, fiche.convention)
    foreign = EtapeFactory(intitule="Celle d’un autre")
    data = served(client, fiche)

    client.post(url_of(fiche), data | {"etapes-etapes-0-id": foreign.pk, "etapes-etapes-0-intitule": "Volée"})

    foreign.refresh_from_db()
    assert foreign.intitule == "Celle d’un autre"
    assert Etape.objects.filter(fiche=fiche, intitule="Volée").count() == 0


@pytest.mark.parametrize("count", [1, 3])
def test_queries_do_not_grow(client, django_assert_num_queries, fiche, count):
    log_in(client, fiche.convention)
    for number in range(count):
        EtapeFactory(fiche=fiche)
        fiche.lignes_budget.create(annee=2025 + number)
        OrganisationFactory()
        fiche.convention.territoire.communes.add(CommuneFactory())
        enjeu = EnjeuFactory(diagnostic__convention=fiche.convention) if not number else None
        fiche.enjeux.add(*([enjeu] if enjeu else []))
    client.get(url_of(fiche))

    with django_assert_num_queries(13):
        client.get(url_of(fiche))


def test_rows_loaded_together_are_those_of_the_database(fiche):
    rows = [fiche.lignes_budget.all(), FicheAction.objects.filter(pk=fiche.pk), Etape.objects.none()]
    expected = [list(queryset.values()) for queryset in rows]

    load_together(*rows)

    for queryset, values in zip(rows, expected, strict=True):
        found = [{name: getattr(row, name) for name in (values[0] if values else {})} for row in queryset]
        assert found == values
    assert isinstance(rows[1][0].updated_at, datetime.datetime)
    assert timezone.is_aware(rows[1][0].updated_at)
