"""Links between fiches: read from both ends by who may, never to oneself, twice or in a circle."""

import datetime
import threading

import pytest
from django.db import IntegrityError, connection, transaction
from django.urls import reverse
from django.utils import timezone

from actions.models import FicheAction, LienFiche
from actions.models.liens import links_of, with_links
from ctg_portal.workflow import TransitionError
from tests.factories import (
    EtapeFactory,
    FicheActionFactory,
    HabilitationFactory,
    PiloteFactory,
    UserFactory,
)


def log_in(client, fiche, role="coordination"):
    user = HabilitationFactory(convention=fiche.convention, role=role).user
    client.force_login(user)
    return user


def add_url(fiche):
    return reverse("actions:lien_add", args=[fiche.convention.code, fiche.pk])


def remove_url(fiche, lien):
    return reverse("actions:lien_remove", args=[fiche.convention.code, lien.pk])


def seen(fiche, user):
    """What ``user`` reads on the fiche: (how the link is said, the other fiche)."""
    row = with_links(FicheAction.objects.filter(pk=fiche.pk), user).get()
    return [(bout.titre, bout.autre) for bout in links_of(row)]


def pair():
    first = FicheActionFactory(code="1", intitule="Relais")
    return first, FicheActionFactory(axe=first.axe, code="2", intitule="Formation")


@pytest.mark.parametrize(
    ("nature", "here", "there"),
    [
        ("liee", "Liée à", "Liée à"),
        ("depend", "Dépend de", "Nécessaire à"),
        ("remplace", "Remplace", "Remplacée par"),
    ],
)
@pytest.mark.parametrize("turned", [False, True])
def test_a_link_is_read_from_both_ends(client, nature, here, there, turned):
    first, second = reversed(pair()) if turned else pair()
    user = log_in(client, first)

    page = client.post(add_url(first), {"nature": nature, "autre": second.pk}, follow=True)

    assert "Fiches liées (1)" in page.text
    assert seen(first, user) == [(here, str(second))]
    assert seen(second, user) == [(there, str(first))]
    client.post(remove_url(second, LienFiche.objects.get()))
    assert seen(first, user) == []
    event = LienFiche._meta.get_field("events").related_model.objects.get(pgh_label="delete")
    assert event.pgh_context.metadata["par"] == user.pk


def test_the_same_link_twice_and_a_link_to_oneself_are_refused_in_words(client):
    first, second = pair()
    log_in(client, first)
    client.post(add_url(first), {"nature": "liee", "autre": second.pk})

    for fiche, other in ((first, second), (second, first)):
        page = client.post(add_url(fiche), {"nature": "liee", "autre": other.pk})
        assert "Ce lien existe déjà." in page.text
    itself = client.post(add_url(first), {"nature": "liee", "autre": first.pk})

    assert "autre" in itself.context["form"].errors
    assert LienFiche.objects.count() == 1
    with pytest.raises(TransitionError, match="elle-même"):
        LienFiche.tie(first, "depend", first, by=UserFactory())


@pytest.mark.parametrize(("nature", "words"), [("depend", "dépendraient"), ("remplace", "remplaceraient")])
def test_a_circle_is_refused_in_words(client, nature, words):
    a, b = pair()
    c = FicheActionFactory(axe=a.axe)
    by = log_in(client, a)
    LienFiche.tie(a, nature, b, by=by)
    LienFiche.tie(b, nature, c, by=by)

    page = client.post(add_url(c), {"nature": nature, "autre": a.pk})

    assert words in page.text
    assert LienFiche.objects.count() == 2
    # Another kind of link makes no circle.
    LienFiche.tie(c, "liee", a, by=by)


@pytest.mark.django_db(transaction=True)
def test_two_halves_of_a_circle_at_once():
    a, b = pair()
    by = UserFactory()
    gate = threading.Barrier(2)
    outcomes = []

    def act(depuis, vers):
        try:
            gate.wait()
            LienFiche.tie(depuis, "depend", vers, by=by)
            outcomes.append("écrit")
        except TransitionError:
            outcomes.append("refusé")
        finally:
            connection.close()

    threads = [threading.Thread(target=act, args=ends) for ends in ((a, b), (b, a))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert sorted(outcomes) == ["refusé", "écrit"]
    assert LienFiche.objects.count() == 1


@pytest.mark.parametrize(
    ("name", "fields"),
    [
        ("lienfiche_entre_deux_fiches", {"turned": "self"}),
        ("lienfiche_liee_dans_un_sens", {"turned": True}),
    ],
)
def test_rows_that_must_not_exist(name, fields):
    first, second = pair()
    ends = {"self": (first, first), True: (second, first)}[fields["turned"]]

    with pytest.raises(IntegrityError, match=name), transaction.atomic():
        LienFiche.objects.create(depuis=ends[0], vers=ends[1], nature="liee", by=UserFactory())


def test_a_link_to_a_fiche_one_may_not_see_is_neither_shown_nor_counted(client):
    first, second = pair()
    elsewhere = FicheActionFactory(intitule="Ailleurs")
    by = UserFactory()
    FicheAction.objects.filter(pk=second.pk).update(confidentielle=True)
    for other in (second, elsewhere):
        LienFiche.tie(first, "depend", other, by=by)
    reader = log_in(client, first, "lecture")

    page = client.get(first.get_absolute_url()).text

    assert seen(first, reader) == []
    for words in ("Formation", "Ailleurs", "Fiches liées", "dépend de"):
        assert words not in page


def test_a_fiche_one_may_not_see_cannot_be_chosen_nor_its_link_removed(client):
    first, second = pair()
    elsewhere = FicheActionFactory()
    lien = LienFiche.tie(first, "depend", elsewhere, by=UserFactory())
    log_in(client, first)

    page = client.post(add_url(first), {"nature": "liee", "autre": elsewhere.pk})

    assert "autre" in page.context["form"].errors
    assert client.post(remove_url(first, lien)).status_code == 404
    assert list(LienFiche.objects.all()) == [lien]


@pytest.mark.parametrize(
    "data", [{}, {"nature": "issue"}, {"nature": "x"}, {"autre": "a\x00"}, {"autre": "-1"}]
)
def test_hostile_sendings(client, data):
    first, second = pair()
    log_in(client, first)
    given = {"nature": "liee", "autre": second.pk} if data else {}

    page = client.post(add_url(first), given | data)

    assert page.status_code == 200
    assert page.context["form"].errors
    assert not LienFiche.objects.exists()


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"echeance": timezone.localdate() - datetime.timedelta(days=3)}, "qui est en retard"),
        ({"avancement": "abandonnee", "motif_abandon": "Sans porteur."}, "qui est abandonnée"),
        ({"redaction": "archivee"}, "qui est archivée"),
        ({"avancement": "realisee"}, ""),
    ],
)
def test_a_dependency_that_will_not_be_met_is_said(client, change, words):
    first, second = pair()
    LienFiche.tie(first, "depend", second, by=UserFactory())
    FicheAction.objects.filter(pk=second.pk).update(**change)
    log_in(client, first)

    page = client.get(first.get_absolute_url()).text
    other = client.get(second.get_absolute_url()).text

    assert ("Cette fiche dépend de" in page) == bool(words)
    assert words in page
    # Said where it matters only.
    assert "Cette fiche dépend de" not in other


def test_a_step_overdue_makes_the_dependency_late(client):
    first, second = pair()
    LienFiche.tie(first, "depend", second, by=UserFactory())
    EtapeFactory(fiche=second, echeance=timezone.localdate() - datetime.timedelta(days=1))
    log_in(client, first)

    assert "qui est en retard" in client.get(first.get_absolute_url()).text


def test_that_a_fiche_is_a_copy_stays(client):
    first, second = pair()
    lien = LienFiche.tie(first, "issue", second, by=UserFactory())
    log_in(client, first)

    assert client.post(remove_url(first, lien)).status_code == 403
    assert LienFiche.objects.exists()


def test_pilotes_tie_their_fiches_and_readers_do_not(client):
    first, second = pair()
    pilote = log_in(client, first, "redaction")

    assert client.post(add_url(first), {"nature": "liee", "autre": second.pk}).status_code == 403
    PiloteFactory(fiche=first, user=pilote, nom="")
    assert client.post(add_url(first), {"nature": "liee", "autre": second.pk}).status_code == 302


@pytest.mark.parametrize("count", [1, 3])
def test_the_fiche_does_not_grow_with_its_links(client, django_assert_num_queries, count):
    first, _ = pair()
    for _ in range(count):
        LienFiche.tie(first, "depend", FicheActionFactory(axe=first.axe), by=UserFactory())
    log_in(client, first)

    with django_assert_num_queries(17):
        client.get(first.get_absolute_url())
    with django_assert_num_queries(9):
        client.get(add_url(first))
