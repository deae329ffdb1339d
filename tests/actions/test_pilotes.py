"""Names of pilotes linked to accounts: found, said, done on all fiches at once, undone."""

import pytest
from django.urls import reverse

from actions.models import Genre, Notification, Pilote, RattachementPilote
from actions.models.noms import key_of_name, looks_like
from actions.models.pilotage import plain_names, rights_of_pilote
from conventions.models import Habilitation
from ctg_portal.workflow import TransitionError
from tests.factories import FicheActionFactory, HabilitationFactory, PiloteFactory, UserFactory


@pytest.mark.parametrize(
    ("nom", "other", "alike"),
    [
        ("Mme MARTIN Élise", "Elise Martin", True),
        ("E. Martin", "Élise Martin", True),
        ("Elise Martn", "Élise Martin", True),
        ("Jean-Pierre Durand", "Durand Jean Pierre", True),
        ("M. Durand", "Élise Martin", False),
        ("E. Martin", "Paul Martin", False),
        ("Martin", "Élise Martin", False),
        ("", "Élise Martin", False),
        ("Mme", "M.", False),
        ("李", "李", False),
    ],
)
def test_looks_like(nom, other, alike):
    assert looks_like(nom, other) is alike


def test_a_name_has_one_key_however_it_is_written():
    assert key_of_name("Mme MARTIN  Élise") == key_of_name("elise martin") == "elise-martin"
    assert key_of_name("李") != key_of_name("王")


@pytest.fixture
def fiches():
    first = FicheActionFactory(code="1.1.1", redaction="validee", soumise_le="2026-01-01T00:00Z")
    others = [
        FicheActionFactory(axe=first.axe, code=code, redaction="validee", soumise_le="2026-01-01T00:00Z")
        for code in ("1.1.2", "1.1.3")
    ]
    for fiche, nom in zip(
        [first, *others], ["Mme MARTIN Élise", "Elise Martin", "Le centre social"], strict=True
    ):
        PiloteFactory(fiche=fiche, nom=nom)
    return [first, *others]


@pytest.fixture
def convention(fiches):
    return fiches[0].convention


def member(convention, role="redaction", **fields):
    user = UserFactory(**fields)
    HabilitationFactory(user=user, role=role, convention=convention)
    return user


@pytest.fixture
def elise(convention):
    return member(convention, nom="Élise Martin")


@pytest.fixture
def coordination(client, convention):
    user = member(convention, "coordination", nom="Camille Bourian")
    client.force_login(user)
    return user


def link_url(convention, cle="elise-martin"):
    return reverse("actions:pilote_link", args=[convention.code, cle])


def test_names_are_listed_with_the_accounts_that_look_alike(client, convention, elise, coordination):
    UserFactory(nom="Elise Martin")  # without a role here

    page = client.get(reverse("actions:pilotes", args=[convention.code]))

    found = [(row.nom, row.ecritures, row.comptes) for row in page.context["noms"]]
    assert found == [("Elise Martin", ["Mme MARTIN Élise"], [elise]), ("Le centre social", [], [])]
    assert (
        "1 nom de pilote ressemble à un compte."
        in client.get(reverse("conventions:equipe", args=[convention.code])).text
    )


def test_a_function_is_looked_for_too(convention, fiches):
    person = member(convention, nom="Dominique Masse", fonction="Responsable enfance")
    PiloteFactory(fiche=fiches[0], nom="Responsable Enfance")

    names = {row.nom: row.comptes for row in plain_names(convention, [person])}

    assert names["Responsable Enfance"] == [person]


def test_one_act_links_every_fiche_after_saying_what_it_gives(
    client, convention, fiches, elise, coordination
):
    chosen = client.get(link_url(convention))
    assert chosen.context["form"]["compte"].value() == elise.pk
    said = client.get(link_url(convention), {"compte": elise.pk})
    assert "Pourra modifier le texte de ces fiches" in said.text
    assert Pilote.objects.filter(user=elise).count() == 0

    done = client.post(link_url(convention), {"compte": elise.pk}, follow=True)

    assert "« Elise Martin » est maintenant relié au compte de Élise Martin, sur 2 fiches." in done.text
    assert list(elise.pilotages.order_by("fiche__code").values_list("fiche__code", "nom")) == [
        ("1.1.1", "Mme MARTIN Élise"),
        ("1.1.2", "Elise Martin"),
    ]
    assert Notification.objects.filter(destinataire=elise, genre=Genre.PILOTE).count() == 2
    page = client.get(fiches[0].get_absolute_url())
    assert "écrit «\u00a0Mme MARTIN Élise\u00a0»" in page.text.replace("&nbsp;", "\u00a0")


def test_it_is_undone_once_and_the_names_come_back(client, convention, elise, coordination):
    link = RattachementPilote.link(convention, "elise-martin", elise, by=coordination)
    url = reverse("actions:pilote_unlink", args=[convention.code, link.pk])

    first, second = (client.post(url, follow=True) for _ in range(2))

    assert "« Elise Martin » est de nouveau un nom sans compte, sur 2 fiches." in first.text
    assert "Ce rattachement est déjà défait." in second.text
    assert sorted(Pilote.objects.filter(user=None).values_list("nom", flat=True)) == [
        "Elise Martin",
        "Le centre social",
        "Mme MARTIN Élise",
    ]
    link.refresh_from_db()
    assert (link.defait_par, link.nom) == (coordination, "Elise Martin")


def test_undoing_leaves_what_was_changed_since(convention, fiches, elise, coordination):
    link = RattachementPilote.link(convention, "elise-martin", elise, by=coordination)
    other = member(convention)
    Pilote.objects.filter(fiche=fiches[0], user=elise).update(user=other)

    assert link.undo(by=coordination) == 1
    assert Pilote.objects.filter(user=other).count() == 1


def test_a_fiche_already_piloted_keeps_its_name(convention, fiches, elise, coordination):
    PiloteFactory(fiche=fiches[0], user=elise, nom="")

    link = RattachementPilote.link(convention, "elise-martin", elise, by=coordination)

    assert [pilote.fiche for pilote in link.pilotes.all()] == [fiches[1]]
    with pytest.raises(TransitionError, match="pilote déjà toutes les fiches"):
        RattachementPilote.link(convention, "elise-martin", elise, by=coordination)


def test_second_comer_is_told(client, convention, elise, coordination):
    RattachementPilote.link(convention, "elise-martin", elise, by=coordination)

    for answer in (
        client.get(link_url(convention), follow=True),
        client.post(link_url(convention), {"compte": elise.pk}, follow=True),
        client.get(link_url(convention, "nimporte"), follow=True),
    ):
        assert "Ce nom n’est plus sur aucune fiche" in answer.text
    with pytest.raises(TransitionError, match="n’est plus sur aucune fiche"):
        RattachementPilote.link(convention, "elise-martin", elise, by=coordination)


def test_only_accounts_of_the_convention_are_accepted(client, convention, elise, coordination):
    stranger = UserFactory(nom="Elise Martin")

    for compte in (stranger.pk, "x", "", 999_999_999):
        response = client.post(link_url(convention), {"compte": compte})
        assert "compte" in response.context["form"].errors
    Habilitation.objects.filter(user=elise).delete()
    with pytest.raises(TransitionError, match="n’a plus de rôle"):
        RattachementPilote.link(convention, "elise-martin", elise, by=coordination)
    assert Pilote.objects.exclude(user=None).count() == 0


def test_rights_are_said_as_they_are(convention, fiches, elise):
    type(fiches[0]).objects.filter(pk=fiches[0].pk).update(confidentielle=True)
    fiches[0].refresh_from_db()
    reader = member(convention, "lecture")

    assert rights_of_pilote(reader, convention, fiches)[:2] == [
        "Ne pourra rien modifier de plus : son rôle (Lecture) ne permet pas d’écrire dans les fiches. "
        "Pour cela, il faut le rôle « Rédaction ».",
        "Pourra lire une fiche confidentielle.",
    ]
    assert rights_of_pilote(elise, convention, fiches)[0].startswith("Pourra modifier le texte")


def test_the_fiche_offers_the_link_to_whoever_may_do_it(client, convention, fiches, elise, coordination):
    offered = f'href="{link_url(convention)}"'
    assert offered in client.get(fiches[0].get_absolute_url()).text
    client.force_login(elise)
    assert offered not in client.get(fiches[0].get_absolute_url()).text


@pytest.mark.parametrize("count", [1, 3])
def test_the_page_does_not_grow(client, django_assert_num_queries, convention, fiches, coordination, count):
    for rank in range(count):
        PiloteFactory(fiche=fiches[0], nom=f"Personne numéro {rank}")
        person = member(convention, nom=f"Compte {rank}")
        PiloteFactory(fiche=fiches[1], nom=f"Compte {rank}")
        RattachementPilote.link(convention, f"{rank}-compte", person, by=coordination)

    with django_assert_num_queries(10):
        page = client.get(reverse("actions:pilotes", args=[convention.code]))

    assert page.text.count("Défaire<") == count
